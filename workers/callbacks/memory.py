"""How long callbacks are remembered: longer than any provider repeats one."""

from datetime import timedelta

from workers.runtime.database import Database

SWEEP_SECONDS = 3600.0
MOST = 10_000

OLD = """
DELETE FROM callbacks.taken WHERE id = ANY (ARRAY(
    SELECT id FROM callbacks.taken WHERE taken_at < now() - $1::interval ORDER BY taken_at LIMIT $2))
"""


async def forget(database: Database, *, after_days: int) -> bool:
    """Delete some; True if there may be more."""
    async with database.transaction() as connection:
        done = await connection.execute(OLD, timedelta(days=after_days), MOST)
    return done == f"DELETE {MOST}"
