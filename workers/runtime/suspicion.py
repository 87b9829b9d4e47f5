"""Messages that may kill their worker: a try that was begun and never ended is a death.

The broker's count of returns says nothing of the reason, outages count there too; so each try of a suspect leaves a
mark.
"""

from datetime import UTC, datetime

from workers.runtime.database import Database
from workers.runtime.work import Work

DEATHS_MAX = 7
"""With the three returns that made its bundle suspicious: the worker died ten times."""

COUNT = "SELECT count(*) FROM runtime.inbox WHERE id = ANY($1::text[]) AND domain = $2"
MARK = "INSERT INTO runtime.inbox (id, domain, claimed_at, batch) VALUES ($1, $2, $3, '') ON CONFLICT DO NOTHING"
UNMARK = "DELETE FROM runtime.inbox WHERE id = $1 AND domain = $2"


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
