"""Dead letters: drained from their queue into a table that operators list, replay or discard."""

import asyncio
from contextlib import suppress

import structlog
from aio_pika.exceptions import AMQPError
from faststream.rabbit import RabbitMessage
from pydantic_core import from_json

from workers.runtime.database import Database, DatabaseAway

log = structlog.get_logger()

INSERT = """
INSERT INTO runtime.dead_letters (id, domain, queue, type, message, reason, stack, died_at)
VALUES ($1, $2, $3, $4, to_jsonb($5::text), $6, $7, now()) ON CONFLICT (id) DO NOTHING
"""


class Drain:
    """Moves dead letters from the broker to the table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, _queue: str, message: RabbitMessage) -> None:
        """Store one letter, then acknowledge it; redelivered ones are recognised by their id."""
        letter = from_json(message.body)
        names = ("id", "domain", "queue", "type", "message", "reason", "stack")
        try:
            async with self._database.transaction() as connection:
                await connection.execute(INSERT, *(str(letter[name]).replace("\0", "") for name in names))
        except DatabaseAway:
            await asyncio.sleep(1)
            with suppress(AMQPError, ConnectionError, RuntimeError):
                await message.nack(requeue=True)
            return
        with suppress(AMQPError, ConnectionError, RuntimeError):
            await message.ack()
