"""What identity forgets: failures that count no more, old places and sessions, void tokens, removed people."""

from workers.runtime.database import Database

FORGOTTEN_MAX = 10_000
OLD_ATTEMPTS = """
DELETE FROM identity.attempts WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM identity.attempts
    WHERE touched_at < now() - CASE WHEN people > 0 THEN interval '90 days' ELSE interval '1 day' END
        AND coalesce(locked_until < now(), true)
    ORDER BY touched_at LIMIT $1))
"""
OLD_RESETS = """
DELETE FROM identity.resets WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM identity.resets WHERE expires_at < now() - interval '30 days' ORDER BY expires_at LIMIT $1))
"""
OLD_SESSIONS = """
DELETE FROM identity.sessions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM identity.sessions WHERE expires_at < now() - interval '30 days' ORDER BY expires_at LIMIT $1))
"""
OLD_PEOPLE = """
DELETE FROM identity.users WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM identity.users
    WHERE status = 'removed' AND changed_at < now() - interval '1 day' ORDER BY changed_at LIMIT $1))
"""
STATEMENTS = (OLD_ATTEMPTS, OLD_RESETS, OLD_SESSIONS, OLD_PEOPLE)


async def forget(database: Database) -> bool:
    """Delete these; True if there may be more."""
    async with database.transaction() as connection:
        done = [await connection.execute(statement, FORGOTTEN_MAX) for statement in STATEMENTS]
    return f"DELETE {FORGOTTEN_MAX}" in done
