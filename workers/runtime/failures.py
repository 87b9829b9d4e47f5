"""What becomes of a message that fails: again after a delay, or dead-lettered with its reason; never lost."""

from dataclasses import dataclass

import structlog
from pydantic_core import to_json

from contracts import ids, topology
from contracts.bus import Bus
from contracts.envelope import Envelope, encode, pack
from contracts.message import Kind, Problem
from workers.runtime import tracing
from workers.runtime.outbox import Outgoing
from workers.runtime.telemetry import metrics
from workers.runtime.work import Told, Work

log = structlog.get_logger()

STACK_CHARACTERS_MAX = 16_000

BUSY = Problem(
    kind=Kind.UNAVAILABLE, code="busy", title="Busy", detail="This can't be answered now. Please try again later."
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that failed for good, as it travels to its domain's table."""

    id: str
    domain: str
    queue: str
    type: str
    message: str
    reason: str
    stack: str


def busy(envelope: Envelope) -> Outgoing:
    """The answer to a call that can't be handled."""
    outgoing = Outgoing()
    outgoing.answer(envelope, Told("failed", problem=BUSY))
    return outgoing


class Failures:
    """Republishes or buries what failed; only then may its bundle be acknowledged."""

    def __init__(self, bus: Bus, *, max_attempts: int, retry_delay_seconds: float) -> None:
        self._bus = bus
        self._max_attempts = max_attempts
        self._retry_delay_seconds = retry_delay_seconds

    async def failed(self, work: Work, reason: str, stack: str) -> Outgoing | None:
        """One failure. A call is answered at once; anything else waits for its next attempt or is dead-lettered.

        Returns the answer of a call. Raises `NotSent`, `Unconfirmed`.
        """
        envelope = work.envelope
        fate = "answered" if work.is_call else "dead" if max(envelope.attempt, 1) >= self._max_attempts else "delayed"
        metrics.failed.labels(work.domain, envelope.type, fate).inc()
        # Another try is how we live with an unsure world; the last one is a reason to wake somebody.
        tell = log.warning if fate == "delayed" else log.error
        tell("message_failed", **tracing.about(envelope), fate=fate, reason=reason)
        if fate == "answered":
            return busy(envelope)
        if fate == "dead":
            await self.bury(work.queue, envelope, reason, stack)
        else:
            await self._delay(work.queue, envelope.again())
        return None

    async def contended(self, work: Work) -> Outgoing | None:
        """What it needs stays locked by somebody else: later, and this attempt does not count. Likewise otherwise."""
        metrics.failed.labels(work.domain, work.envelope.type, "contended").inc()
        log.warning("message_contended", **tracing.about(work.envelope))
        if work.is_call:
            return busy(work.envelope)
        await self._delay(work.queue, work.envelope.put_back())
        return None

    async def bury(self, queue: str, envelope: Envelope, reason: str, stack: str = "") -> None:
        """To the dead-letter queue. Raises `NotSent`, `Unconfirmed`."""
        # The same message has the same letter, however often a saga asks again for what has failed for good.
        name = ids.derived("dlt", queue, envelope.id)
        log.error("dead_letter", **tracing.about(envelope), queue=queue, letter=name, reason=reason)
        await self._bury(name, queue, envelope.type, encode(envelope).decode(), reason, stack)

    async def bury_raw(self, queue: str, message: bytes, reason: str) -> None:
        """The same for what is not even an envelope."""
        name = ids.new("dlt")
        log.error("dead_letter", queue=queue, letter=name, reason=reason)
        await self._bury(name, queue, "?", message.decode(errors="replace"), reason, "")

    async def _bury(self, name: str, queue: str, kind: str, message: str, reason: str, stack: str) -> None:
        domain = queue.partition(".")[0]
        assert not queue.endswith(".calls"), "a call may hold secrets: it is never stored"
        letter = DeadLetter(
            name, domain, queue, kind, message, reason[:STACK_CHARACTERS_MAX], stack[-STACK_CHARACTERS_MAX:]
        )
        await self._bus.publish(topology.COMMANDS, topology.dead(domain), to_json(letter))

    async def _delay(self, queue: str, envelope: Envelope) -> None:
        for body in pack([encode(envelope)]):
            await self._bus.publish(topology.DELAY, queue, body, delay_seconds=self._retry_delay_seconds)
