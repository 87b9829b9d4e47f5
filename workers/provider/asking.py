"""How an order is asked about: submitted once, looked up first when it may have been before, never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from workers.provider import routing
from workers.provider.port import NotAsked, Order, Provider, Unclear, Word
from workers.runtime.resources import Resources

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Said:
    """What came of it: a word, or none; then `asked` says whether the provider may have done it all the same.

    `schedule` is how many seconds to wait before asking again, the last of them for ever.
    """

    word: Word | None
    asked: bool
    schedule: Sequence[int]

    def wait_seconds(self, asks: int) -> int:
        """How long to wait after so many attempts."""
        return self.schedule[min(max(asks, 1), len(self.schedule)) - 1]


async def submit(order: Order, provider: str, *, asks: int, since: datetime, resources: Resources) -> Said:
    """Submit an order under its reference as the key; `asks` is how often that was tried before.

    Once it may have been submitted its status is looked up first. What the provider doesn't know is submitted again,
    but only as long as its idempotency key is certainly remembered there.
    """
    young = datetime.now(UTC) - since < timedelta(hours=resources.settings.provider_key_hours)
    return await _said(order, provider, look=asks > 0 or not young, may_submit=young, resources=resources)


async def look_up(order: Order, provider: str, resources: Resources) -> Said:
    """What has become of an order that the provider has taken on."""
    return await _said(order, provider, look=True, may_submit=False, resources=resources)


def nothing(resources: Resources) -> Said:
    """Nobody was asked: what must be known is known."""
    return Said(None, asked=False, schedule=resources.settings.provider_schedule_seconds)


async def _said(order: Order, name: str, *, look: bool, may_submit: bool, resources: Resources) -> Said:
    schedule = resources.settings.provider_schedule_seconds
    provider = routing.reached(name, resources)
    try:
        word = await provider.status(order.kind, order.reference) if look else None
        if word is None and may_submit:
            word = await _submit(provider, order)
    except NotAsked as error:
        log.warning("provider_not_reached", provider=name, reference=order.reference, reason=str(error))
        return Said(None, asked=look, schedule=schedule)
    except Unclear as error:
        log.warning("provider_unclear", provider=name, reference=order.reference, reason=str(error))
        return Said(None, asked=True, schedule=schedule)
    return Said(word, asked=True, schedule=schedule)


async def _submit(provider: Provider, order: Order) -> Word:
    if order.kind == "payout":
        return await provider.payout(order, key=order.reference)
    return await provider.charge(order, key=order.reference)
