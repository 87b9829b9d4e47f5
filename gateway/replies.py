"""The reply queue of this gateway: whatever the workers answer, and to whom it goes."""

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection

from contracts.envelope import Envelope, Undecodable, unpack
from gateway.metrics import Metrics
from gateway.operations import Operations
from gateway.questions import Questions

STATUSES = frozenset({"pending", "succeeded", "failed", "unknown"})

log = structlog.get_logger()


class Replies:
    """Consumes without acknowledgement: a lost answer is asked for again."""

    def __init__(self, name: str, questions: Questions, operations: Operations, metrics: Metrics) -> None:
        self.name = name
        self._questions = questions
        self._operations = operations
        self._metrics = metrics

    async def start(self, connection: AbstractRobustConnection) -> None:
        """Declare the queue, here and again after each reconnect, and consume it."""
        channel = await connection.channel()
        queue = await channel.declare_queue(self.name, exclusive=True, auto_delete=True)
        await queue.consume(self._take, no_ack=True)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        try:
            envelopes = unpack(message.body)
        except Undecodable:
            log.error("reply_undecodable", bytes=len(message.body))  # noqa: TRY400 - the bytes say nothing
            return
        self._metrics.replies.inc(len(envelopes))
        for envelope in envelopes:
            self._hand_on(envelope)

    def _hand_on(self, envelope: Envelope) -> None:
        word = envelope.body
        if not isinstance(word, dict) or word.get("status") not in STATUSES:
            log.error("reply_unreadable", message=envelope.id)
            return
        if word["status"] == "failed" and not isinstance(word.get("problem"), dict):
            log.error("reply_unreadable", message=envelope.id)
            return
        if not self._questions.heard(envelope.cause, word):
            self._operations.heard(envelope)
