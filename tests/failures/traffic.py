"""A steady load of transfers by clients as they should be: they repeat with the same key until they know."""

import asyncio
import time
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.people import Answer, Json, Person, key
from tests.system import eventually

CLIENTS = 16
PAUSE_SECONDS = 0.03
REPEAT_SECONDS = 0.2
PATIENCE_SECONDS = 60.0
TOO_MUCH = 10_000_000
UNAVAILABLE = 503
PREFERENCES = (None, None, "wait=5", "respond-async")


@dataclass
class Order:
    """One transfer that somebody wants, and all that they were answered."""

    sender: Person
    source: str
    to: str
    amount: int
    prefer: str | None
    key: str = field(default_factory=key)
    answer: Answer | None = None
    troubles: list[str] = field(default_factory=list)

    async def send(self, *, prefer: str | None = None, at: int = 0) -> Answer:
        """Send it, for the first time or again."""
        fields = {"metadata": {"order": self.key}}
        return await self.sender.transfer(
            self.source, self.to, self.amount, prefer=prefer, key=self.key, fields=fields, at=at
        )


class Traffic:
    """Sixteen clients at two gateways; `async with` lets them run."""

    def __init__(self, wallets: list[tuple[Person, str]]) -> None:
        self.wallets = wallets
        self.orders: list[Order] = []
        self._random = Random(7)
        self._going = False
        self._clients: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._going = True
        self._clients = [asyncio.create_task(self._client(number)) for number in range(CLIENTS)]
        await self.flows()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._going = False
        await asyncio.gather(*self._clients)

    @property
    def answered(self) -> list[Order]:
        """What its sender knows to be accepted or refused."""
        return [order for order in self.orders if order.answer is not None]

    async def flows(self, more: int = 100, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many more orders have been answered."""
        goal = len(self.answered) + more

        async def reached() -> bool:
            for client in self._clients:
                if client.done():
                    client.result()
            return len(self.answered) >= goal

        await eventually("traffic flows", seconds, reached)

    async def _client(self, number: int) -> None:
        while self._going:
            order = self._order()
            self.orders.append(order)
            await self._until_known(order, number)
            await asyncio.sleep(PAUSE_SECONDS)

    def _order(self) -> Order:
        (sender, source), (receiver, destination) = self._random.sample(self.wallets, 2)
        by_address = receiver is not sender and self._random.random() < 0.2
        amount = TOO_MUCH if self._random.random() < 0.1 else self._random.randint(1, 500)
        to = receiver.email if by_address else destination
        return Order(sender, source, to, amount, self._random.choice(PREFERENCES))

    async def _until_known(self, order: Order, number: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while order.answer is None:
            try:
                answer = await order.send(prefer=order.prefer, at=(number + len(order.troubles)) % 2)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                order.troubles.append(repr(error))
            else:
                if answer.status != UNAVAILABLE:
                    order.answer = answer
                    return
                order.troubles.append(answer.code)
            assert time.monotonic() < deadline, order
            await asyncio.sleep(REPEAT_SECONDS)


async def in_turns(orders: list[Order], ask: Any) -> list[Json]:
    """`ask` about each of them, a few at a time."""
    turns = asyncio.Semaphore(CLIENTS)

    async def one(order: Order) -> Json:
        async with turns:
            return await ask(order)

    return await asyncio.gather(*(one(order) for order in orders))
