"""Dead letters: drained from their queue into a table that operators list, replay or discard."""

import structlog
from faststream.rabbit import RabbitMessage
from pydantic_core import from_json

from contracts import ids, topology
from contracts.bus import Bus
from contracts.envelope import Envelope, Undecodable, encode, pack, unpack
from contracts.message import Command, Discarded, Event, Kind, Message, NotFound, Refusal
from workers.runtime.arrivals import acknowledge, give_back
from workers.runtime.database import Database, DatabaseAway
from workers.runtime.delivery import Delivery
from workers.runtime.handlers import Handler
from workers.runtime.orchestrator import WakeSaga
from workers.runtime.work import REPLY, Work

log = structlog.get_logger()

FIELDS = ("id", "domain", "queue", "type", "message", "reason", "stack")

# What was replayed and fails again is a letter again; one that is open or discarded stays as it is.
INSERT = """
INSERT INTO runtime.dead_letters AS old (id, domain, queue, type, message, reason, stack, died_at)
VALUES ($1, $2, $3, $4, to_jsonb($5::text), $6, $7, now())
ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, stack = excluded.stack, died_at = excluded.died_at,
    resolution = NULL, resolved_at = NULL
WHERE old.resolution = 'replayed'
"""
LETTER = "SELECT queue, message #>> '{}' FROM runtime.dead_letters WHERE id = $1 AND resolution IS NULL"
RESOLVE = "UPDATE runtime.dead_letters SET resolution = $2, resolved_at = now() WHERE id = $1 AND resolution IS NULL"


class Unreadable(Refusal):
    """The letter is not even a message, so that it can only be discarded."""

    kind = Kind.CONFLICT
    detail = "This dead letter is not a message that could be replayed."


class SagaNeedsIt(Refusal):
    """The letter keeps a business process going: without it that would stand still for ever."""

    kind = Kind.CONFLICT
    detail = "A business process waits for this message; it can only be replayed."


class Drain:
    """Moves dead letters from the broker to the table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, queue: str, message: RabbitMessage) -> None:
        """Store one letter, then acknowledge it; redelivered ones are recognised by their id."""
        letter = _letter(queue, message.body)
        try:
            async with self._database.transaction() as connection:
                await connection.execute(INSERT, *(letter[name].replace("\0", "") for name in FIELDS))
        except DatabaseAway:
            await give_back(message)
        else:
            await acknowledge(message)


async def replay(database: Database, bus: Bus, letter: str) -> None:
    """Publish a letter to the queue that it came from, with all its attempts before it.

    Raises `NotFound` (also when it is resolved already), `Unreadable`; `NotSent`, `Unconfirmed`, `DatabaseAway`.
    """
    queue, envelope = await _open(database, letter)
    if envelope is None:
        raise Unreadable
    for body in pack([encode(envelope.afresh())]):
        await bus.publish(topology.COMMANDS, queue, body)
    await _resolve(database, letter, "replayed")


async def discard(database: Database, delivery: Delivery, letter: str) -> None:
    """Give a letter up: its sender is answered with `Discarded`, so that sagas undo and operations end.

    Raises `NotFound` (also when it is resolved already), `SagaNeedsIt`; `NotSent`, `Unconfirmed`, `DatabaseAway`.
    """
    queue, envelope = await _open(database, letter)
    if envelope is not None:
        if envelope.type in (REPLY, WakeSaga.wire_name):
            raise SagaNeedsIt
        # Handled like any message, with a refusal: claimed once, so that no copy of it can be done afterwards.
        for committed in await delivery.deliver([_given_up(queue, envelope)]):
            await delivery.tell(committed)
    await _resolve(database, letter, "discarded")


def _given_up(queue: str, envelope: Envelope) -> Work:
    asked = envelope.saga is not None or envelope.id == envelope.operation
    kind: type[Message] = Command if asked else Event
    return Work(envelope, None, Handler(kind, lambda _message, _uow: None), queue, refusal=Discarded())


async def _open(database: Database, letter: str) -> tuple[str, Envelope | None]:
    async with database.transaction() as connection:
        row = await connection.fetchrow(LETTER, letter)
    if row is None:
        raise NotFound
    try:
        return row[0], unpack(b"[" + row[1].encode() + b"]")[0]
    except Undecodable:
        return row[0], None


async def _resolve(database: Database, letter: str, resolution: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(RESOLVE, letter, resolution)


def _letter(queue: str, body: bytes) -> dict[str, str]:
    """The letter's fields; rubbish in the queue of dead letters makes a letter too."""
    try:
        found = from_json(body)
        return {name: str(found[name]) for name in FIELDS}
    except (ValueError, TypeError, KeyError):
        domain = queue.partition(".")[0]
        values = (ids.new("dlt"), domain, queue, "?", body.decode(errors="replace"), "not a dead letter", "")
        return dict(zip(FIELDS, values, strict=True))
