"""The connection that a worker consumes on: all of its queues, opened together and closed for good."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import override

import structlog
from aio_pika import RobustConnection
from aio_pika.exceptions import AMQPError
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

from contracts import bus
from contracts.bus import NotSent, Unconfirmed
from workers.runtime.arrivals import give_back

STOP_SECONDS_MAX = 5.0

log = structlog.get_logger()

Take = Callable[[str, RabbitMessage], Awaitable[None]]


class Listening(RabbitBroker):
    """A FastStream broker that owns its connection: one left behind would come back by itself, beside the next one."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(url, logger=None, apply_types=False, graceful_timeout=STOP_SECONDS_MAX)
        self._url = url
        self._name = name

    def listen(self, queue: str, prefetch: int, take: Take) -> None:
        """Have `take` called with each of this queue's messages, which it answers for."""

        async def handle(message: RabbitMessage) -> None:
            try:
                await take(queue, message)
            except (NotSent, Unconfirmed):
                log.warning("broker_away", queue=queue)
                await give_back(message)
            except Exception:
                log.exception("bundle_not_taken", queue=queue)
                await give_back(message)

        self.subscriber(
            RabbitQueue(queue, declare=False),
            ack_policy=AckPolicy.MANUAL,
            decoder=_as_it_is,
            channel=Channel(prefetch_count=prefetch),
        )(handle)

    async def pause(self) -> None:
        """Take nothing more; what was taken may still be acknowledged."""
        for subscriber in self.subscribers:
            with suppress(AMQPError, OSError, RuntimeError, TimeoutError):
                await subscriber.stop()

    async def close(self) -> None:
        """Close it, in whatever state it is."""
        connection = self._connection
        try:
            with suppress(Exception):
                await asyncio.wait_for(self.stop(), STOP_SECONDS_MAX)
        finally:
            if connection is not None:
                await bus.close(connection)

    @override
    async def _connect(self) -> RobustConnection:
        # FastStream's own way loses a connection whose making is cancelled, and one whose channel fails.
        self._connection = await bus.connect(self._url, self._name)
        self.config.connect(self._connection)
        self._channel = await self.config.channel_manager.get_channel()
        return self._connection


async def _as_it_is(message: RabbitMessage) -> RabbitMessage:
    return message
