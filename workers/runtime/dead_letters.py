"""Dead letters: drained from their queue into a table; what their messages become again is decided here, purely."""

import structlog
from faststream.rabbit import RabbitMessage
from pydantic_core import from_json

from contracts import ids
from contracts.envelope import Envelope, Undecodable, unpack
from contracts.operations import SagaNeedsIt, Unreadable
from workers.runtime.arrivals import acknowledge, give_back
from workers.runtime.database import Database, DatabaseAway
from workers.runtime.orchestrator import NudgeSaga, WakeSaga
from workers.runtime.tables import Letter
from workers.runtime.work import REPLY

log = structlog.get_logger()

FIELDS = ("id", "domain", "queue", "type", "message", "reason", "stack")

# What was replayed and fails again is a letter again; one that is open or discarded stays as it is.
INSERT = """
INSERT INTO runtime.dead_letters AS old (id, domain, queue, type, message, reason, stack, died_at)
VALUES ($1, $2, $3, $4, to_jsonb($5::text), $6, $7, now())
ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, stack = excluded.stack, died_at = excluded.died_at,
    resolution = NULL, resolved_at = NULL, resolved_by = NULL, resolved_reason = NULL
WHERE old.resolution = 'replayed'
"""


class Drain:
    """Moves dead letters from the broker to the table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, queue: str, message: RabbitMessage) -> None:
        """Store one letter, then acknowledge it; redelivered ones are recognised by their id."""
        letter = _letter(queue, message.body)
        try:
            async with self._database.aside() as connection:
                await connection.execute(INSERT, *(letter[name].replace("\0", "") for name in FIELDS))
        except DatabaseAway as error:
            log.warning("letter_waits", queue=queue, letter=letter["id"], reason=repr(error.__cause__))
            await give_back(message)
        else:
            await acknowledge(message)


def said_by(letter: Letter) -> Envelope | None:
    """The message that a letter holds; None if it isn't one."""
    try:
        return unpack(b"[" + letter.said.encode() + b"]")[0]
    except (Undecodable, IndexError):
        return None


def replayed(letter: Letter) -> Envelope:
    """The message as it goes to its queue again, with all its attempts before it. Raises `Unreadable`."""
    envelope = said_by(letter)
    if envelope is None:
        raise Unreadable
    return envelope.afresh()


def given_up(letter: Letter) -> Envelope | None:
    """The mark that goes to its queue in its place, so that its sender is refused; None if there is no sender.

    Whoever hosts that queue claims it like the message itself, so that no copy is done afterwards.
    Raises `SagaNeedsIt`.
    """
    envelope = said_by(letter)
    if envelope is None:
        return None
    if envelope.type in (REPLY, WakeSaga.wire_name, NudgeSaga.wire_name):
        raise SagaNeedsIt
    return envelope.given_up()


def _letter(queue: str, body: bytes) -> dict[str, str]:
    """The letter's fields; rubbish in the queue of dead letters makes a letter too."""
    try:
        found = from_json(body)
        return {name: str(found[name]) for name in FIELDS}
    except (ValueError, TypeError, KeyError):
        domain = queue.partition(".")[0]
        values = (ids.new("dlt"), domain, queue, "?", body.decode(errors="replace"), "not a dead letter", "")
        return dict(zip(FIELDS, values, strict=True))
