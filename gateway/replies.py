"""The reply queue of this gateway: whatever the workers answer, and to whom it goes."""

import asyncio
from contextlib import suppress

import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from contracts import ids, topology
from contracts.bus import Bus
from contracts.envelope import Envelope, Undecodable, encode, pack, unpack
from contracts.operations import Reply
from gateway.access import Access
from gateway.metrics import Metrics
from gateway.operations import Operations
from gateway.questions import Questions

STATUSES = frozenset({"pending", "succeeded", "failed", "unknown"})
DECLARE_SECONDS_MAX = 5.0

log = structlog.get_logger()


class Replies:
    """Consumes without acknowledgement: a lost answer is asked for again."""

    def __init__(
        self, name: str, questions: Questions, operations: Operations, access: Access, metrics: Metrics
    ) -> None:
        self.name = name
        self.heard = False
        self._questions = questions
        self._operations = operations
        self._access = access
        self._metrics = metrics
        self._channel: AbstractChannel | None = None
        self._echo = ""

    async def start(self, bus: Bus) -> None:
        """Declare the queue, here and again after each reconnect, and consume it; events that it missed are lost."""
        if self._channel is not None:
            with suppress(AMQPError, OSError, RuntimeError, TimeoutError):
                await asyncio.wait_for(self._channel.close(), DECLARE_SECONDS_MAX)
        self._channel = await bus.connection.channel()
        queue = await self._channel.declare_queue(self.name, exclusive=True, auto_delete=True)
        for event in topology.WATCHED:
            await queue.bind(topology.EVENTS, event)
        await queue.consume(self._take, no_ack=True)
        self.heard = True
        self._access.doubt()

    async def listen_to_itself_for_ever(self, bus: Bus, every_seconds: float) -> None:
        """Send itself an echo now and then: a reply queue that is gone looks just like silent workers."""
        while True:
            await asyncio.sleep(every_seconds)
            await self._send_echo(bus)
            await asyncio.sleep(every_seconds)
            if not self._echo:
                continue
            # Who is cut off doesn't know what has been taken from whom.
            self._access.doubt()
            if bus.ready:
                log.warning("replies_not_heard")
                self.heard = False
                with suppress(AMQPError, ChannelInvalidStateError, OSError, TimeoutError):
                    await asyncio.wait_for(self.start(bus), DECLARE_SECONDS_MAX)

    async def _send_echo(self, bus: Bus) -> None:
        self._echo = ids.new("msg")
        echo = Envelope(self._echo, Reply.wire_name, Reply(status="pending"), cause=self._echo)
        await bus.reply(self.name, next(pack([encode(echo)])))

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
        if envelope.cause == self._echo:
            self._echo = ""
            return
        word = envelope.body
        if self._access.hear(envelope.type, word):
            return
        if not isinstance(word, dict) or word.get("status") not in STATUSES:
            log.error("reply_unreadable", message=envelope.id)
            return
        if word["status"] == "failed" and not isinstance(word.get("problem"), dict):
            log.error("reply_unreadable", message=envelope.id)
            return
        if not self._questions.heard(envelope.cause, word):
            self._operations.heard(envelope)
