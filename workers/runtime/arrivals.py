"""What comes from the broker: bundles, taken apart into work, each acknowledged when all of it is done."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from faststream.rabbit import RabbitMessage
from pydantic import ValidationError

from contracts.envelope import Envelope
from workers.runtime import tracing
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.roster import Roster
from workers.runtime.telemetry import metrics
from workers.runtime.work import Work


class Unacceptable(Exception):
    """A message that this domain can't take: unknown, malformed, or from somebody who may not send it."""


@dataclass(slots=True, eq=False)
class Arrival:
    """One bundle. `returned` counts how often the broker has had to deliver it again; `key` recognises it then."""

    message: RabbitMessage
    key: str
    works: list[Work] = field(default_factory=list)
    returned: int = 0


class Reader:
    """Turns envelopes into work, and refuses what nobody may send."""

    def __init__(self, roster: Roster, orchestrator: Orchestrator, *, gateway_user: str, own_user: str) -> None:
        self._roster = roster
        self._orchestrator = orchestrator
        self._gateway_user = gateway_user
        self._own_user = own_user

    def work(self, envelope: Envelope, queue: str, user: str | None) -> Work:
        """The work that an envelope asks for. Raises `Unacceptable`."""
        handler = self._orchestrator.handler(envelope.type) or self._roster.handlers.get(envelope.type)
        if handler is None:
            raise Unacceptable("no handler for this type")
        self._check_sender(envelope, queue, user)
        try:
            message = handler.message.model_validate(envelope.body)
        except ValidationError as error:
            raise Unacceptable(f"invalid {envelope.type}: {error}") from error
        if envelope.sent_at:
            metrics.queue_age_seconds.labels(queue.partition(".")[0]).observe(max(0.0, time.time() - envelope.sent_at))
        span = tracing.begin(envelope, queue)
        if span is not None:
            envelope = envelope._replace(traceparent=tracing.traceparent(span))
        return Work(envelope, message, handler, queue, span=span)

    def works(
        self, envelopes: list[Envelope], queue: str, user: str | None, refuse: Callable[[Envelope, str], None]
    ) -> Iterator[Work]:
        """The work of a bundle; what is unacceptable goes to `refuse` with the reason."""
        for envelope in envelopes:
            try:
                yield self.work(envelope, queue, user)
            except Unacceptable as error:
                refuse(envelope, str(error))

    def _check_sender(self, envelope: Envelope, queue: str, user: str | None) -> None:
        """What people say comes from the gateway's user (or is retried by us), all else from ours, says the broker."""
        routed = self._roster.routed(envelope.type)
        said = routed or queue.endswith(".calls")
        allowed = {self._gateway_user} if said else {self._own_user}
        if user not in allowed and not (said and user == self._own_user and envelope.attempt > 1):
            raise Unacceptable(f"{envelope.type} is not accepted from this broker user")
        if routed and (envelope.operation != envelope.id or envelope.caller is None):
            raise Unacceptable("a command from the gateway is its operation, and has a caller")
