"""What a batch says: collected per destination, stored as one row until told, then published in bundles."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from pydantic_core import from_json, to_json

from contracts import topology
from contracts.bus import Bus, NotSent, Unconfirmed
from contracts.envelope import Envelope, encode, pack
from workers.runtime.tables import Untold
from workers.runtime.work import REPLY, Told

log = structlog.get_logger()

type Destination = tuple[str, str]
type Bundle = tuple[str, str, str]


@dataclass(slots=True)
class Outgoing:
    """The messages that leave a batch. Of several answers to one question the last one counts."""

    batch: str = ""
    durable: dict[Destination, list[Envelope]] = field(default_factory=dict)
    replies: dict[tuple[str, str | None, str | None], Envelope] = field(default_factory=dict)

    def send(self, queue: str, envelope: Envelope) -> None:
        """A command, or a saga's answer, to the durable queue of a domain."""
        self.durable.setdefault((topology.COMMANDS, queue), []).append(envelope)

    def publish(self, envelope: Envelope) -> None:
        """An event to everybody who listens."""
        self.durable.setdefault((topology.EVENTS, envelope.type), []).append(envelope)

    def reply(self, queue: str, envelope: Envelope) -> None:
        """An answer to a gateway."""
        self.replies[queue, envelope.cause, envelope.request] = envelope

    def answer(self, asked: Envelope, told: Told) -> None:
        """Answer one submission, if it said where."""
        if asked.reply_to is not None:
            reply = Envelope(
                f"{asked.id}:reply",
                REPLY,
                told,
                operation=asked.operation,
                request=asked.request,
                cause=asked.id,
            )
            self.reply(asked.reply_to, reply)

    def bundles(self) -> list[Bundle]:
        """Everything that must arrive, encoded."""
        return [
            (exchange, key, body.decode())
            for (exchange, key), envelopes in self.durable.items()
            for body in pack(map(encode, envelopes))
        ]

    def answers(self) -> list[tuple[str, bytes]]:
        """The answers in bundles, by reply queue."""
        queues: dict[str, list[Envelope]] = {}
        for (queue, _, _), envelope in self.replies.items():
            queues.setdefault(queue, []).append(envelope)
        return [(queue, body) for queue, envelopes in queues.items() for body in pack(map(encode, envelopes))]


def untold(batch: str, bundles: list[Bundle], now: datetime) -> Untold:
    """The row that keeps a batch's bundles until they are told."""
    return Untold(batch, to_json(bundles).decode(), now)


def bundles_of(row: str) -> list[Bundle]:
    """The bundles of such a row."""
    return [(exchange, key, body) for exchange, key, body in from_json(row)]


class Teller:
    """Publishes bundles, and remembers which batches are told so that a later one deletes their rows."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._told: set[str] = set()

    async def reply(self, answers: Iterable[tuple[str, bytes]]) -> None:
        """Answer the gateways; an answer that gets lost is asked for again."""
        for queue, body in answers:
            await self._bus.reply(queue, body)

    async def tell(self, batch: str, bundles: Sequence[Bundle], answers: Iterable[tuple[str, bytes]] = ()) -> bool:
        """Publish a batch's bundles, and its answers as soon as what they promise holds at the gateways.

        False when some bundles are unconfirmed: the row stays, and the sweeper tells it again.
        """
        # Who has been told that a key is revoked may count on it: gateways hear of that before they hear the answer.
        failed = await self._publish([bundle for bundle in bundles if bundle[1] in topology.WATCHED])
        await self.reply(answers)
        failed += await self._publish([bundle for bundle in bundles if bundle[1] not in topology.WATCHED])
        if failed:
            log.warning("batch_not_told", batch=batch, not_told=dict(failed))
        elif bundles:
            self._told.add(batch)
        return not failed

    async def _publish(self, bundles: Sequence[Bundle]) -> list[tuple[str, str]]:
        """What has not been confirmed: where it was to go, and why."""
        results = await asyncio.gather(
            *(self._bus.publish(exchange, key, body.encode()) for exchange, key, body in bundles),
            return_exceptions=True,
        )
        failed: list[tuple[str, str]] = []
        for (_, key, _), result in zip(bundles, results, strict=True):
            if isinstance(result, NotSent | Unconfirmed):
                failed.append((key, type(result).__name__))
            elif result is not None:
                raise result
        return failed

    def take_told(self) -> set[str]:
        """The batches whose rows can go now. Give them back with `put_back` if that fails."""
        told, self._told = self._told, set()
        return told

    def put_back(self, told: set[str]) -> None:
        """They were not deleted after all."""
        self._told |= told
