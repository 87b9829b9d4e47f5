"""Messages that may kill their worker: a try that was begun and never ended is a death.

The broker's count of returns says nothing of the reason, outages count there too; so each try of a suspect leaves a
mark.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from workers.runtime.database import Database
from workers.runtime.failures import Failures
from workers.runtime.work import Work

DEATHS_MAX = 7
"""With the three returns that made its bundle suspicious: the worker died ten times."""

COUNT = "SELECT count(*) FROM runtime.inbox WHERE id = ANY($1::text[]) AND domain = $2"
MARK = "INSERT INTO runtime.inbox (id, domain, claimed_at, batch) VALUES ($1, $2, $3, '') ON CONFLICT DO NOTHING"
UNMARK = "DELETE FROM runtime.inbox WHERE id = $1 AND domain = $2"


@asynccontextmanager
async def tried(database: Database, failures: Failures, work: Work) -> AsyncIterator[bool]:
    """Whether to try it in this block; one that has killed its workers is buried instead.

    Raises `DatabaseAway`, `NotSent`, `Unconfirmed`.
    """
    deaths = await begin(database, work)
    if deaths >= DEATHS_MAX:
        reason = f"the worker died {deaths} times with this message alone"
        await failures.bury(work.queue, work.envelope, reason)
        yield False
        return
    try:
        yield True
    finally:
        await end(database, work, deaths)


async def begin(database: Database, work: Work) -> int:
    """Mark one more try, and tell how many have ended with their worker. Raises `DatabaseAway`."""
    marks = [_mark(work, number) for number in range(DEATHS_MAX)]
    async with database.aside() as connection:
        deaths: int = await connection.fetchval(COUNT, marks, work.domain)
        if deaths < DEATHS_MAX:
            await connection.execute(MARK, marks[deaths], work.domain, datetime.now(UTC))
    return deaths


async def end(database: Database, work: Work, deaths: int) -> None:
    """This try has ended well or badly, but the worker lives. Raises `DatabaseAway`."""
    async with database.aside() as connection:
        await connection.execute(UNMARK, _mark(work, deaths), work.domain)


def _mark(work: Work, number: int) -> str:
    return f"{work.envelope.id}:tried:{number}"
