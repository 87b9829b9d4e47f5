"""A batch in parts, all in one transaction: PostgreSQL saves one of them while the next is decided."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import sqrt
from typing import Any, Self

from workers.runtime.database import Connection
from workers.runtime.deciding import Deciding
from workers.runtime.loading import load
from workers.runtime.needs import Need
from workers.runtime.saving import save
from workers.runtime.unit_of_work import Changes, World
from workers.runtime.work import Work

STATEMENT_MESSAGES = 8
"""A statement takes as much time by itself as it takes to save so many messages."""


def parts_of(works: Sequence[Work]) -> Iterator[list[Work]]:
    """Parts of about equal size, at least one.

    With k parts all but 1/k of the saving is done beside other work, and each costs a statement: the best k is a root.
    """
    count = max(1, round(sqrt(len(works) / STATEMENT_MESSAGES)))
    bounds = [len(works) * number // count for number in range(count + 1)]
    return (list(works[begin:end]) for begin, end in pairwise(bounds))


class Pipeline:
    """Decides the parts of one batch, and saves each as soon as that can be done beside other work.

    Only one statement is under way at a time: at first the one that begins the transaction. `asked` gets every need
    that comes up.
    """

    def __init__(self, connection: Connection, begun: asyncio.Task[Any], world: World, asked: list[Need]) -> None:
        self._connection = connection
        self._under_way: asyncio.Task[Any] | None = begun
        self._world = world
        self._asked = asked
        self.saved: list[Changes] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # Whatever went wrong, nobody else may use the connection while a statement is under way.
        if self._under_way is not None:
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def decide(self, parts: Sequence[Deciding]) -> None:
        """Decide all and save all but what the last one leaves. Raises `Poisoned`, and what the database says."""
        await self._together(parts)
        for number, part in enumerate(parts, 1):
            part.round()
            while part.pending:
                await self._load([part])
                part.round()
            part.end()
            if number < len(parts):
                await self.begin_to_save(self._world.take(part.touched))

    async def begin_to_save(self, changes: Changes) -> None:
        """Have these saved while this process does something else. Raises what the database said before."""
        await self.settle()
        self.saved.append(changes)
        statement = save(self._connection, changes)
        self._under_way = asyncio.Task(statement, loop=asyncio.get_running_loop(), eager_start=True)
        # Once around the loop, so that the statement is on its way before this process is busy with the next part.
        await asyncio.sleep(0)

    async def settle(self) -> None:
        """Return when no statement is under way. Raises what came of it."""
        if self._under_way is not None:
            statement, self._under_way = self._under_way, None
            await statement

    async def _together(self, parts: Sequence[Deciding]) -> None:
        """Round by round as long as there are rows to load: what all parts need is one question."""
        await self._load(parts)
        for part in parts:
            part.round()
        while await self._load(parts):
            for part in parts:
                part.round()

    async def _load(self, parts: Sequence[Deciding]) -> bool:
        needs = [need for part in parts for need in part.needs()]
        self._asked += needs
        missing = self._world.missing(needs)
        if missing:
            await self.settle()
            await load(self._connection, self._world, missing)
        return bool(missing)
