"""A caller over the real broker, in the gateway's place: sends envelopes, keeps every reply."""

import asyncio
import secrets
import time
from collections import defaultdict
from typing import Any

from aio_pika.abc import AbstractIncomingMessage

from contracts import ids, topology
from contracts.bus import Bus
from contracts.envelope import Caller, Envelope, encode, pack, unpack
from contracts.message import Call, Command, Message, Query
from contracts.operations import GetOperation, OperationView, Reply
from contracts.topology import Topology

PATIENCE_SECONDS = 20.0


class Client:
    """Speaks as the gateway's broker user."""

    def __init__(self, url: str) -> None:
        self._bus = Bus(url, name="test-client", confirm_timeout_seconds=PATIENCE_SECONDS)
        self._queue = topology.replies(secrets.token_hex(4))
        self.replies: dict[str, list[Envelope]] = defaultdict(list)
        self._news = asyncio.Event()

    async def start(self, whole: Topology = topology.WHOLE) -> "Client":
        """Connect and listen for replies."""
        await self._bus.start(whole)
        channel = await self._bus.connection.channel()
        queue = await channel.declare_queue(self._queue, exclusive=True, auto_delete=True)
        await queue.consume(self._heard, no_ack=True)
        return self

    async def stop(self) -> None:
        """Disconnect."""
        await self._bus.stop()

    def envelope(self, message: Message, caller: str = "usr_test", **fields: Any) -> Envelope:
        """An envelope as the gateway would write it."""
        root = isinstance(message, Command)
        name = fields.pop("id", None) or ids.new("op" if root else "msg")
        return Envelope(
            id=name,
            type=message.wire_name,
            body=message,
            operation=name if root else None,
            request=fields.pop("request", None) or ids.new("req"),
            fingerprint=fields.pop("fingerprint", None) or ids.text(ids.digest(message.model_dump_json())),
            reply_to=self._queue,
            traceparent=fields.pop("traceparent", None),
            caller=Caller(caller, **fields),
            sent_at=time.time(),
        )

    async def send(self, *envelopes: Envelope, queue: str | None = None) -> None:
        """Publish one bundle of envelopes for one queue."""
        for body in pack(map(encode, envelopes)):
            await self._bus.publish(topology.COMMANDS, queue or _queue_of(envelopes[0]), body)

    async def ask(self, message: Message, caller: str = "usr_test", **fields: Any) -> Reply:
        """Send one message and wait for its final answer."""
        envelope = self.envelope(message, caller, **fields)
        await self.send(envelope)
        return await self.final(envelope)

    async def final(self, envelope: Envelope, *, seconds: float = PATIENCE_SECONDS) -> Reply:
        """The final answer to this submission; polls the operation as a gateway does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for reply in self.answers(envelope):
                if reply.status not in ("pending", "unknown"):
                    return reply
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), 1)
            except TimeoutError:
                await self._poll(envelope)
        raise TimeoutError(f"no answer to {envelope.type}")

    def answers(self, envelope: Envelope) -> list[Reply]:
        """The answers to this submission so far."""
        return [
            Reply.model_validate(reply.body) for reply in self.replies[envelope.id] if reply.request == envelope.request
        ]

    async def _poll(self, envelope: Envelope) -> None:
        if envelope.operation is None or envelope.caller is None:
            return
        question = self.envelope(GetOperation(operation_id=envelope.operation), envelope.caller.principal)
        await self.send(question)
        await asyncio.sleep(0.2)
        for reply in self.answers(question):
            if reply.result is not None:
                view = OperationView.model_validate(reply.result)
                found = Reply(status=view.status, result=view.result, problem=view.problem)
                self.replies[envelope.id].append(envelope._replace(body=found.model_dump()))

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        for envelope in unpack(message.body):
            self.replies[envelope.cause or ""].append(envelope)
        self._news.set()


def _queue_of(envelope: Envelope) -> str:
    message = envelope.body
    assert isinstance(message, Message)
    if isinstance(message, Query):
        return topology.queries(message.domain)
    if isinstance(message, Call):
        return topology.calls(message.domain)
    slow = isinstance(message, Command) and message.slow
    return topology.slow(message.domain) if slow else topology.commands(message.domain)
