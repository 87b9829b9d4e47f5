"""Which dead letters are meant by those who replay many."""

from sqlalchemy import select

from contracts.operations import ReplayDeadLetters
from workers.runtime.handlers import Preparation
from workers.runtime.tables import dead_letters

REPLAYED_MAX = 256


async def choose(command: ReplayDeadLetters, preparation: Preparation) -> list[str]:
    """Their ids; one more than are replayed, so that one sees whether that was all."""
    if command.ids is not None:
        return list(dict.fromkeys(command.ids))
    letters = dead_letters.c
    wanted = select(letters.id).where(letters.type == command.type, letters.resolution.is_(None))
    async with preparation.resources.database.connect() as connection:
        found = await connection.execute(wanted.order_by(letters.died_at, letters.id).limit(REPLAYED_MAX + 1))
        return [row.id for row in found]
