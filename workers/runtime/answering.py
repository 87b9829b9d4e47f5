"""Queries: read-only, concurrent, without inbox; answered to the gateway that asked."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import structlog
from faststream.rabbit import RabbitMessage
from pydantic import ValidationError

from contracts.bus import Bus
from contracts.envelope import Envelope, Undecodable, encode, pack, unpack
from contracts.message import Refusal
from workers.runtime import tracing
from workers.runtime.arrivals import acknowledge
from workers.runtime.database import Database, DatabaseAway
from workers.runtime.failures import BUSY
from workers.runtime.reading import Reading
from workers.runtime.resources import Resources
from workers.runtime.roster import Roster
from workers.runtime.telemetry import metrics
from workers.runtime.work import REPLY, Told

log = structlog.get_logger()


class Answering:
    """Answers bundles of queries, at most `most` queries at once."""

    def __init__(self, roster: Roster, database: Database, bus: Bus, resources: Resources, *, most: int) -> None:
        self._roster = roster
        self._database = database
        self._bus = bus
        self._resources = resources
        self._slots = asyncio.Semaphore(most)

    async def take(self, _queue: str, message: RabbitMessage) -> None:
        """Answer one bundle, at most once: who gets no answer asks again, and nobody waits for one that came back."""
        try:
            if not message.raw_message.redelivered:
                await self._answer_all(message.body)
        finally:
            await acknowledge(message)

    async def _answer_all(self, body: bytes) -> None:
        try:
            envelopes = unpack(body)
        except Undecodable:
            log.warning("query_unreadable")
            return
        answers = await asyncio.gather(*(self._answer(envelope) for envelope in envelopes))
        await self._send(zip(envelopes, answers, strict=True))

    async def _answer(self, envelope: Envelope) -> Told:
        async with self._slots:
            begun = time.perf_counter()
            told = await self._told(envelope)
            outcome = told.problem.code if told.problem else told.status
            metrics.queries.labels(self._name(envelope), outcome).observe(time.perf_counter() - begun)
            return told

    async def _told(self, envelope: Envelope) -> Told:
        try:
            return Told("succeeded", await self._ask(envelope))
        except Refusal as refusal:
            return Told("failed", problem=refusal.problem())
        except DatabaseAway:
            return Told("failed", problem=BUSY)
        except Exception:
            log.exception("query_failed", **tracing.about(envelope))
            return Told("failed", problem=BUSY)

    async def _ask(self, envelope: Envelope) -> Any:
        kind, answer = self._roster.queries[envelope.type]
        try:
            query = kind.model_validate(envelope.body)
        except ValidationError as error:
            raise ValueError(f"invalid {envelope.type}") from error
        async with self._database.reading() as connection:
            reading = Reading(connection, envelope.caller, datetime.now(UTC), self._resources)
            return await answer(query, reading)

    def _name(self, envelope: Envelope) -> str:
        return envelope.type if envelope.type in self._roster.queries else "unknown"

    async def _send(self, answered: Iterable[tuple[Envelope, Told]]) -> None:
        queues: dict[str, list[bytes]] = {}
        for asked, told in answered:
            if asked.reply_to is not None:
                reply = Envelope(f"{asked.id}:reply", REPLY, told, request=asked.request, cause=asked.id)
                queues.setdefault(asked.reply_to, []).append(encode(reply))
        for queue, parts in queues.items():
            for body in pack(parts):
                await self._bus.reply(queue, body)
