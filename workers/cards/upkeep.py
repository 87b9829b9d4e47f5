"""What guards cards and is over: old tokens and tries are deleted."""

from workers.runtime.database import Database

MOST = 1_000
SWEEP_SECONDS = 300.0

OLD_TOKENS = """
DELETE FROM cards.tokens WHERE id = ANY (ARRAY(
    SELECT id FROM cards.tokens WHERE expires_at < now() - interval '1 day' ORDER BY expires_at LIMIT $1))
"""
# The longest window that the settings allow is a day; one that is blocked began before that.
OLD_TRIES = """
DELETE FROM cards.tries WHERE id = ANY (ARRAY(
    SELECT id FROM cards.tries WHERE since < now() - interval '3 days' ORDER BY since LIMIT $1))
"""


async def sweep(database: Database) -> bool:
    """Delete some; True if there may be more."""
    async with database.transaction() as connection:
        done = [await connection.execute(statement, MOST) for statement in (OLD_TOKENS, OLD_TRIES)]
    return f"DELETE {MOST}" in done
