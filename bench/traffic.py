"""What a load generator is told and what it answers, and which wallets each transfer names."""

import random
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel

from bench.population import CURRENCY, Wallet

AMOUNTS_MINOR = (100, 999)
"""Always three digits, so that every request has the same length."""


class Plan(BaseModel):
    """One run: `concurrency` callers, each of whom sends its next transfer when the last one has ended.

    `target` is the port of the gateway, or the broker's URL. `tokens` are access tokens by owner. With `keys` and
    `cards` they don't transfer: each pays with a card at the shop whose key it is.
    """

    target: str
    wallets: list[Wallet]
    tokens: dict[str, str]
    hot: bool
    concurrency: int
    warm_up_seconds: float
    seconds: float
    keys: list[str] = []
    cards: list[str] = []


class Result(BaseModel):
    """What a run measured, without its warm-up; failures count from the start. Latencies in milliseconds."""

    completed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    failures: dict[str, int]

    @property
    def rate(self) -> float:
        """Completed transfers per second."""
        return self.completed / self.seconds


class Transfer(NamedTuple):
    """One transfer to ask for."""

    source: Wallet
    destination: Wallet
    amount: int

    def body(self) -> str:
        """As JSON, as a client would send it."""
        return (
            f'{{"source":{{"wallet_id":"{self.source.id}"}},"destination":{{"wallet_id":"{self.destination.id}"}},'
            f'"amount":{self.amount},"currency":"{CURRENCY}"}}'
        )


@dataclass(frozen=True)
class Traffic:
    """Transfers between random wallets; with `hot`, half of all go to the first wallet."""

    wallets: list[Wallet]
    hot: bool

    def next(self) -> Transfer:
        """Another one. Source and destination differ, and the hot wallet only receives."""
        count = len(self.wallets)
        chance = random.random
        amount = AMOUNTS_MINOR[0] + int(chance() * (AMOUNTS_MINOR[1] - AMOUNTS_MINOR[0] + 1))
        source = 1 + int(chance() * (count - 1))
        if self.hot and chance() < 0.5:  # noqa: PLR2004 - half
            return Transfer(self.wallets[source], self.wallets[0], amount)
        destination = (source + 1 + int(chance() * (count - 1))) % count
        return Transfer(self.wallets[source], self.wallets[destination], amount)


@dataclass(frozen=True)
class Payments:
    """Payments with random cards at random shops."""

    cards: list[str]
    keys: list[str]

    def next(self) -> tuple[str, str]:
        """Another one: the API key, and the body as JSON."""
        chance = random.random
        amount = AMOUNTS_MINOR[0] + int(chance() * (AMOUNTS_MINOR[1] - AMOUNTS_MINOR[0] + 1))
        card = self.cards[int(chance() * len(self.cards))]
        body = f'{{"card":{{"id":"{card}"}},"amount":{amount},"currency":"{CURRENCY}"}}'
        return self.keys[int(chance() * len(self.keys))], body
