"""Card numbers that an older key sealed, sealed anew: in small transactions, so that it can be stopped and resumed."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from workers.runtime.sealing import Sealer
from workers.runtime.settings import SealingKey

BATCH = 200
OLDER = "split_part(pan_sealed, '.', 1) < :newest OR split_part(pan_sealed, '.', 1) > :newest"
LEFT = text(f"SELECT count(*) FROM cards.cards WHERE {OLDER}")
# Rows that somebody uses just now come with a later batch; nobody waits for us.
SOME = text(f"SELECT id, pan_sealed FROM cards.cards WHERE {OLDER} LIMIT :most FOR NO KEY UPDATE SKIP LOCKED")
CHANGE = text("UPDATE cards.cards SET pan_sealed = :pan_sealed WHERE id = :id")


class Progress(NamedTuple):
    """How many numbers have been sealed anew, and how many were to be."""

    done: int
    total: int


async def rotate(database_url: str, ring: Sequence[SealingKey]) -> AsyncIterator[Progress]:
    """Seal with the first key of the ring whatever another one sealed. Raises `SealBroken` if none opens it."""
    engine = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg"), hide_parameters=True)
    sealer, newest = Sealer(ring), ring[0].id
    try:
        async with engine.connect() as connection:
            total = (await connection.execute(LEFT, {"newest": newest})).scalar_one()
        done = 0
        yield Progress(done, total)
        while number := await _some(engine, sealer, newest):
            done += number
            yield Progress(done, max(done, total))
    finally:
        await engine.dispose()


async def _some(engine: AsyncEngine, sealer: Sealer, newest: str) -> int:
    async with engine.begin() as connection:
        rows = (await connection.execute(SOME, {"newest": newest, "most": BATCH})).all()
        changes = [
            {"id": row.id, "pan_sealed": sealer.seal(sealer.open(row.pan_sealed, to=row.id), to=row.id)} for row in rows
        ]
        if changes:
            await connection.execute(CHANGE, changes)
    return len(changes)
