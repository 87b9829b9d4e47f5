"""A scripted worker: a real consumer of the broker that keeps operations as workers do, and answers as told."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aio_pika.abc import AbstractIncomingMessage

from contracts import ids, topology
from contracts.bus import Bus
from contracts.envelope import Envelope, encode, pack, unpack
from contracts.message import IdempotencyKeyReused, NotFound, Problem, Refusal
from contracts.operations import Reply, Status
from tests.gateway.tokens import Issuer

Answer = dict[str, Any] | Refusal
Script = Callable[[Envelope], Answer | None]


class Operation:
    """What a worker knows of an operation."""

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.created_at = datetime.now(UTC)
        self.answer: Answer | None = None
        self.unknown = False

    def reply(self) -> Reply:
        status: Status = "unknown" if self.unknown else "pending"
        result, problem = None, None
        if isinstance(self.answer, Refusal):
            status, problem = "failed", self.answer.problem()
        elif self.answer is not None:
            status, result = "succeeded", self.answer
        return Reply(
            status=status,
            result=result,
            problem=problem,
            type=self.envelope.type,
            request=self.envelope.request,
            created_at=self.created_at,
            completed_at=self.created_at if self.answer is not None else None,
        )


class Worker:
    """Scripts decide per message type: an answer, a refusal, or None to accept and finish later."""

    def __init__(self, url: str, issuer: Issuer) -> None:
        self.bus = Bus(url, name="scripted worker")
        self.issuer = issuer
        self.issuers = [issuer]
        self.keys: dict[str, Any] = {}
        self.scripts: dict[str, Script] = {}
        self.access: dict[str, Any] = {"roles": [], "users": [], "sessions": []}
        self.operations: dict[str, Operation] = {}
        self.heard: list[Envelope] = []
        self.bundles: list[int] = []
        self.silent: set[str] = set()
        self.muted = False
        self.delay_seconds = 0.0
        self.slow: set[str] = set()

    async def start(self) -> None:
        await self.bus.start()
        channel = await self.bus.connection.channel()
        await channel.set_qos(prefetch_count=500)
        for domain in topology.DOMAINS:
            for name in (
                topology.commands(domain),
                topology.slow(domain),
                topology.calls(domain),
                topology.queries(domain),
            ):
                queue = await channel.get_queue(name)
                await queue.consume(partial(self._take, name))

    async def stop(self) -> None:
        await self.bus.stop()

    def forget(self) -> None:
        """Know no script, no operation and nothing that was heard."""
        for known in (self.scripts, self.operations, self.heard, self.bundles, self.silent):
            known.clear()

    def on(self, type_: str, script: Script | Answer | None) -> None:
        self.scripts[type_] = script if callable(script) else lambda _: script

    def of(self, type_: str) -> list[Envelope]:
        return [envelope for envelope in self.heard if envelope.type == f"{type_}.v1"]

    async def finish(self, operation: str, answer: Answer) -> None:
        known = self.operations[operation]
        known.answer = answer
        await self._reply(known.envelope, known.reply())

    async def _take(self, queue: str, message: AbstractIncomingMessage) -> None:
        await message.ack()
        envelopes = unpack(message.body)
        self.bundles.append(len(envelopes))
        self.heard.extend(envelopes)
        if self.muted:
            return
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        replies: dict[str, list[bytes]] = {}
        for envelope in envelopes:
            reply = None if envelope.type in self.silent else self._handle(queue, envelope)
            if reply is not None and envelope.reply_to:
                replies.setdefault(envelope.reply_to, []).append(self._encoded(envelope, reply))
        for queue_name, encoded in replies.items():
            for bundle in pack(encoded):
                await self.bus.reply(queue_name, bundle)

    async def _reply(self, envelope: Envelope, reply: Reply) -> None:
        assert envelope.reply_to
        await self.bus.reply(envelope.reply_to, next(pack([self._encoded(envelope, reply)])))

    def _encoded(self, envelope: Envelope, reply: Reply) -> bytes:
        return encode(
            Envelope(
                ids.new("msg"),
                Reply.wire_name,
                reply,
                operation=envelope.operation,
                request=envelope.request,
                cause=envelope.id,
            )
        )

    def _handle(self, queue: str, envelope: Envelope) -> Reply | None:
        if envelope.type == "identity.GetSigningKeys.v1":
            return Reply(status="succeeded", result=self.keys or {"keys": [issuer.jwk for issuer in self.issuers]})
        if envelope.type == "identity.GetAccess.v1":
            return Reply(status="succeeded", result=self.access)
        if envelope.type == "operations.GetOperation.v1":
            return self._operation(envelope)
        if queue.endswith((".commands", ".slow")):
            return self._command(envelope)
        answer = self._script(envelope)
        if isinstance(answer, Refusal):
            return Reply(status="failed", problem=answer.problem())
        return None if answer is None else Reply(status="succeeded", result=answer)

    def _command(self, envelope: Envelope) -> Reply:
        assert envelope.operation
        known = self.operations.get(envelope.operation)
        if known is None:
            known = self.operations[envelope.operation] = Operation(envelope)
            known.answer = self._script(envelope)
        elif known.envelope.fingerprint != envelope.fingerprint:
            return Reply(status="failed", problem=IdempotencyKeyReused().problem())
        return known.reply()

    def _operation(self, envelope: Envelope) -> Reply:
        assert isinstance(envelope.body, dict)
        assert envelope.caller
        name = envelope.body["operation_id"]
        known = self.operations.get(name)
        owner = known.envelope.caller if known else None
        if known is None or owner is None or not envelope.caller.owns(owner.principal):
            return Reply(status="failed", problem=NotFound().problem())
        view = known.reply().model_dump(mode="json", exclude={"request"}) | {"id": name}
        return Reply(status="succeeded", result=view)

    def _script(self, envelope: Envelope) -> Answer | None:
        script = self.scripts.get(envelope.type.removesuffix(".v1"))
        return script(envelope) if script else None


def code(problem: Problem | None) -> str | None:
    return problem.code if problem else None
