"""One command on its way to the workers."""

from typing import Any, NamedTuple

from contracts.envelope import Caller, Envelope, encode
from contracts.message import Asked
from gateway.outcomes import pending
from gateway.questions import Word


class Submission(NamedTuple):
    """`operation` is the same for each repeat, `request` tells them apart."""

    operation: str
    request: str
    message: Asked[Any]
    queue: str
    fingerprint: str
    caller: Caller
    traceparent: str | None
    sent_at: float

    def pending(self) -> Word:
        """What is known of the operation before the workers have said anything."""
        return pending(self.message.wire_name, self.sent_at)

    def encoded(self, reply_to: str) -> bytes:
        """Its envelope."""
        return encode(
            Envelope(
                self.operation,
                self.message.wire_name,
                self.message,
                operation=self.operation,
                request=self.request,
                fingerprint=self.fingerprint,
                reply_to=reply_to,
                caller=self.caller,
                traceparent=self.traceparent,
                sent_at=self.sent_at,
            )
        )
