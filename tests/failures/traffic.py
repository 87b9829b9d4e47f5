"""A steady load of transfers and payments by clients as they should be: they repeat until they know."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.people import Answer, Json, Person, key, order
from tests.shops import Shop, by_id, printed
from tests.system import eventually

CLIENTS = 16
PAUSE_SECONDS = 0.03
REPEAT_SECONDS = 0.2
PATIENCE_SECONDS = 60.0
TOO_MUCH = 10_000_000
ACCEPTED, UNAVAILABLE = 202, 503
PREFERENCES = (None, None, "wait=5", "respond-async")
TRANSFERS, PAYMENTS = "/v1/transfers", "/v1/payments"


@dataclass
class Order:
    """One thing that somebody wants done with money, and all that they were answered."""

    sender: Person
    path: str
    body: Json
    prefer: str | None
    key: str = field(default_factory=key)
    answer: Answer | None = None
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path in (TRANSFERS, PAYMENTS):
            self.body["metadata"] = {"order": self.key}

    async def send(self, *, prefer: str | None = None, at: int = 0) -> Answer:
        """Send it, for the first time or again."""
        return await self.sender.post(self.path, self.body, key=self.key, prefer=prefer, at=at)

    def following(self) -> "list[Order]":
        """What a shop does with a payment that it was told to be authorised: take a part, and give some of it back."""
        if self.answer is None or self.answer.status != 201 or self.answer.json.get("status") != "authorized":
            return []
        one = f"{PAYMENTS}/{self.answer.json['id']}"
        amount = self.answer.json["amount"]
        moves = [("capture", amount // 2 + 1, {"final": False}), ("refunds", amount // 3 + 1, {})]
        return [Order(self.sender, f"{one}/{move}", {"amount": part} | more, "wait=5") for move, part, more in moves]


class Traffic:
    """Sixteen clients at two gateways; `async with` lets them run. Each of the `cards` pays at the shop."""

    def __init__(self, wallets: list[tuple[Person, str]], shop: Shop, cards: list[Json]) -> None:
        self.wallets = wallets
        self.shop = shop
        self.cards = cards
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
            first = self._payment() if self._random.random() < 0.3 else self._transfer()
            await self._done(first, number)
            for move in first.following():
                await self._done(move, number)
                # Nothing is given back before it is known to be taken.
                if move.answer is None or move.answer.status == ACCEPTED:
                    break
            await asyncio.sleep(PAUSE_SECONDS)

    async def _done(self, order: Order, number: int) -> None:
        self.orders.append(order)
        await self._until_known(order, number)

    def _transfer(self) -> Order:
        (sender, source), (receiver, destination) = self._random.sample(self.wallets, 2)
        by_address = receiver is not sender and self._random.random() < 0.2
        to = receiver.email if by_address else destination
        return Order(sender, TRANSFERS, order(source, to, self._amount()), self._random.choice(PREFERENCES))

    def _payment(self) -> Order:
        card = self._random.choice(self.cards)
        named = by_id(card) if self._random.random() < 0.5 else printed(card)
        capture = self._random.choice(["automatic", "manual"])
        body = {"card": named, "amount": self._amount(), "currency": "IDR", "capture": capture}
        return Order(self.shop, PAYMENTS, body, self._random.choice(PREFERENCES))

    def _amount(self) -> int:
        return TOO_MUCH if self._random.random() < 0.1 else self._random.randint(1, 500)

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


async def patiently(ask: Callable[[], Awaitable[Answer]], right: Callable[[Answer], bool] | None = None) -> Answer:
    """The first answer of a gateway that has found its servers again, or the last before patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = await ask()
        done = answer.status != UNAVAILABLE and (right is None or right(answer))
        if done or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(REPEAT_SECONDS)


async def in_turns(orders: list[Order], ask: Any) -> list[Json]:
    """`ask` about each of them, a few at a time."""
    turns = asyncio.Semaphore(CLIENTS)

    async def one(order: Order) -> Json:
        async with turns:
            return await ask(order)

    return await asyncio.gather(*(one(order) for order in orders))
