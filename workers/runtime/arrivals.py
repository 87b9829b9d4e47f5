"""What comes from the broker: bundles, taken apart into work, each acknowledged when all of it is done."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from aio_pika.exceptions import AMQPError
from faststream.rabbit import RabbitMessage
from pydantic import ValidationError

from contracts.envelope import GIVEN_UP, Caller, Envelope, Undecodable, unpack
from contracts.message import Command, Discarded, Event, Message
from workers.runtime import tracing
from workers.runtime.failures import Failures, busy
from workers.runtime.handlers import Handler
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Teller
from workers.runtime.roster import Roster
from workers.runtime.telemetry import metrics
from workers.runtime.work import Work

log = structlog.get_logger()

RETRY_SECONDS = 0.5
SUSPICIOUS_RETURNS = 3


class Unacceptable(Exception):
    """A message that this domain can't take: unknown, malformed, or from somebody who may not send it."""


@dataclass(slots=True, eq=False)
class Arrival:
    """One bundle. `returned` counts how often the broker has had to deliver it again."""

    message: RabbitMessage
    works: list[Work] = field(default_factory=list)
    returned: int = 0

    @property
    def suspicious(self) -> bool:
        """Whether one of its messages may kill workers."""
        return self.returned >= SUSPICIOUS_RETURNS


class Reader:
    """Turns bundles into work, and refuses what nobody may send."""

    def __init__(
        self,
        roster: Roster,
        orchestrator: Orchestrator,
        failures: Failures,
        teller: Teller,
        *,
        gateway_user: str,
        own_user: str,
    ) -> None:
        self._roster = roster
        self._orchestrator = orchestrator
        self._failures = failures
        self._teller = teller
        self._gateway_user = gateway_user
        self._own_user = own_user

    async def open(self, queue: str, message: RabbitMessage) -> Arrival | None:
        """The bundle as work. What can't be read is buried first; a bundle with nothing left is done.

        Raises `NotSent`, `Unconfirmed`.
        """
        works: list[Work] = []
        raw = message.raw_message
        for envelope in await self._envelopes(queue, message.body):
            try:
                works.append(self.work(envelope, queue, raw.user_id))
            except Unacceptable as error:
                await self._refuse(queue, envelope, str(error))
        if not works:
            await acknowledge(message)
            return None
        _observe_age(queue, works)
        count = raw.headers.get("x-delivery-count")
        returned = count if isinstance(count, int) else 0
        # Not every way of giving a bundle back is counted.
        if returned or raw.redelivered:
            for work in works:
                work.returned = True
        return Arrival(message, works, returned)

    def work(self, envelope: Envelope, queue: str, user: str | None) -> Work:
        """The work that an envelope asks for. Raises `Unacceptable`."""
        if envelope.attempt == GIVEN_UP:
            return self._given_up(envelope, queue, user)
        handler = self._orchestrator.handler(envelope.type, queue) or self._roster.handler(envelope.type, queue)
        if handler is None:
            raise Unacceptable("no handler for this type")
        self._check_sender(envelope, queue, user)
        try:
            message = handler.message.model_validate(envelope.body)
        except ValidationError as error:
            raise Unacceptable(f"invalid {envelope.type}: {error}") from error
        span = tracing.begin(envelope, queue)
        if span is not None:
            envelope = envelope._replace(traceparent=tracing.traceparent(span))
        return Work(envelope, message, handler, queue, span=span)

    def _given_up(self, envelope: Envelope, queue: str, user: str | None) -> Work:
        """A refusal in the message's place, claimed like the message itself, so that no copy is done afterwards."""
        if user != self._own_user:
            raise Unacceptable("messages are given up by workers only")
        asked = envelope.saga is not None or envelope.id == envelope.operation
        kind: type[Message] = Command if asked else Event
        if envelope.caller is None:
            envelope = envelope._replace(caller=Caller(""))
        return Work(envelope, None, Handler(kind, lambda _message, _uow: None), queue, refusal=Discarded())

    async def _envelopes(self, queue: str, body: bytes) -> list[Envelope]:
        unreadable: list[bytes] = []
        try:
            envelopes = unpack(body, unreadable.append)
        except Undecodable:
            envelopes, unreadable = [], [body]
        for part in unreadable:
            if queue.endswith(".calls"):
                log.warning("call_unreadable", queue=queue)
            else:
                await self._failures.bury_raw(queue, part, "not an envelope")
        return envelopes

    async def _refuse(self, queue: str, envelope: Envelope, reason: str) -> None:
        if queue.endswith(".calls"):
            log.warning("call_refused", type=envelope.type, id=envelope.id, reason=reason)
            await self._teller.reply(busy(envelope).answers())
        else:
            await self._failures.bury(queue, envelope, reason)

    def _check_sender(self, envelope: Envelope, queue: str, user: str | None) -> None:
        """What people say comes from the gateway's user (or is retried by us), all else from ours, says the broker."""
        routed = envelope.type in self._roster.routed
        said = routed or queue.endswith(".calls")
        allowed = self._gateway_user if said else self._own_user
        retried = said and user == self._own_user and envelope.attempt != 1
        if user != allowed and not retried:
            raise Unacceptable(f"{envelope.type} is not accepted from this broker user")
        if routed and (envelope.operation != envelope.id or envelope.caller is None):
            raise Unacceptable("a command from the gateway is its operation, and has a caller")


def _observe_age(queue: str, works: list[Work]) -> None:
    oldest = min((work.envelope.sent_at for work in works if work.envelope.sent_at), default=None)
    if oldest is not None:
        metrics.queue_age_seconds.labels(queue.partition(".")[0]).observe(max(0.0, time.time() - oldest))


async def acknowledge(message: RabbitMessage) -> None:
    """Say that it is done. A channel that has gone gives it to somebody else, who will find it claimed."""
    with suppress(AMQPError, OSError, RuntimeError):
        await message.ack()


async def give_back(message: RabbitMessage) -> None:
    """Let somebody else have it, a little later."""
    await asyncio.sleep(RETRY_SECONDS)
    with suppress(AMQPError, OSError, RuntimeError):
        await message.nack(requeue=True)
