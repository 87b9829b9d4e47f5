"""A gauge of things whose outcome at a provider is unknown, for domains that have such."""

from collections.abc import Awaitable, Callable

from workers.runtime.database import Database
from workers.runtime.telemetry import metrics

EVERY_SECONDS = 30.0

COUNT = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
FROM {table} WHERE status = 'unknown'
"""


def measured(domain: str, table: str) -> Callable[[Database], Awaitable[None]]:
    """What exports how many rows of `table` are unknown, and how old the oldest is; their index is a partial one."""

    async def measure(database: Database) -> None:
        async with database.transaction() as connection:
            count, age = await connection.fetchrow(COUNT.format(table=table))
        metrics.unknown.labels(domain).set(count)
        metrics.oldest_unknown_seconds.labels(domain).set(age)

    return measure
