"""One message at work: what arrived, or what a handler of the same batch said to a domain hosted here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opentelemetry.trace import Span

from contracts.envelope import Envelope
from contracts.message import Problem, Refusal
from contracts.operations import Reply, Status
from workers.runtime.handlers import Handler
from workers.runtime.needs import Need

REPLY = Reply.wire_name


@dataclass(slots=True)
class Told:
    """An answer before it is encoded: the fields of `contracts.operations.Reply`, without validating our own words.

    Nobody changes one. It isn't frozen only because that would triple the time to make one, ten times per transfer.
    """

    status: Status
    result: Any = None
    problem: Problem | None = None
    type: str | None = None
    request: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(slots=True, eq=False)
class Work:
    """A message with its handler. `root` is the arrived message that led to it (itself, if it arrived).

    `returned` says that the broker has delivered it before.
    """

    envelope: Envelope
    message: Any
    handler: Handler
    queue: str
    prepared: Any = None
    refusal: Refusal | None = None
    root: "Work | None" = None
    span: Span | None = None
    returned: bool = False

    @property
    def again(self) -> bool:
        """Whether it has been with a worker before, so that it may have been handled."""
        return self.returned or self.envelope.attempt != 1

    @property
    def arrived(self) -> bool:
        """Whether it came through the broker, so that it must be claimed."""
        return self.root is None

    @property
    def is_call(self) -> bool:
        """Whether it is transient: never claimed, retried or dead-lettered."""
        return self.handler.message.is_call

    @property
    def is_root(self) -> bool:
        """Whether it is the command that an operation consists of."""
        return self.envelope.id == self.envelope.operation and not self.is_call

    @property
    def domain(self) -> str:
        """Whose queue it came from."""
        return self.queue.partition(".")[0]

    def needs(self) -> Iterable[Need]:
        """What must be loaded and locked for it."""
        handler = self.handler
        if self.refusal is not None:
            return ()
        known = () if handler.needs is None else handler.needs(self._said)
        if handler.needs_more is None:
            return known
        assert self.envelope.caller is not None, "what a caller needs takes a caller"
        return [*known, *handler.needs_more(self._said, self.envelope.caller, self.prepared)]

    @property
    def _said(self) -> Any:
        return self.message if self.handler.message is not Reply else self.envelope
