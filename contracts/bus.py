"""A publishing connection to the broker: confirmed, mandatory, bounded, and honest about what it doesn't know."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import aio_pika
import aiormq
from aio_pika import RobustConnection
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.connection import make_url
from aiormq.exceptions import AMQPError, ChannelInvalidStateError

from contracts import topology
from contracts.topology import Topology

CLOSE_SECONDS_MAX = 5.0
EXCHANGES = ((topology.COMMANDS, "direct"), (topology.EVENTS, "topic"), (topology.DELAY, "direct"))


class NotSent(Exception):
    """The broker is away, blocked, or has nowhere to put the message: it was certainly not accepted."""


class Unconfirmed(Exception):
    """The message was sent and its confirm did not come: it may have been accepted."""


def user_of(url: str) -> str:
    """The broker user that a URL logs in as."""
    return unquote(urlsplit(url).username or "guest")


async def connect(url: str, name: str) -> RobustConnection:
    """A connection that comes back by itself until it is closed; `name` is what the broker's operators see.

    The first attempt raises what goes wrong, and nothing of it stays, not even when it is cancelled.
    """
    made = RobustConnection(
        make_url(url, heartbeat=30, reconnect_interval=1), client_properties={"connection_name": name}
    )
    try:
        await made.connect()
    except BaseException:
        await close(made)
        raise
    return made


async def close(connection: AbstractConnection) -> None:
    """Close it for good, within bounds."""
    try:
        await asyncio.wait_for(connection.close(), CLOSE_SECONDS_MAX)
    except (AMQPError, OSError, RuntimeError, TimeoutError, asyncio.CancelledError) as error:
        if _meant_for_us(error):
            raise


def _meant_for_us(error: BaseException) -> bool:
    # aiormq cancels what waits for a connection that closes; somebody may also have cancelled the waiting task.
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


class Bus:
    """Publishes bundles as one broker user. Safe for concurrent use within an event loop."""

    def __init__(self, url: str, *, name: str, confirm_timeout_seconds: float = 5.0) -> None:
        self._url = url
        self._name = name
        self._user = user_of(url)
        self._confirm_timeout_seconds = confirm_timeout_seconds
        self._connection: RobustConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._whole = topology.WHOLE
        self._replies: AbstractExchange | None = None
        self._optional: frozenset[str] = frozenset()

    @property
    def connection(self) -> RobustConnection:
        """The connection, for what is consumed beside publishing."""
        assert self._connection is not None, "the bus is not started"
        return self._connection

    @property
    def ready(self) -> bool:
        """Whether a publish could leave now: connected, the channel open again, and not blocked by the broker."""
        connection, channel = self._connection, self._channel
        if connection is None or channel is None or channel.is_closed:
            return False
        return connection.connected.is_set() and not self._blocked()

    async def start(self, whole: Topology = topology.WHOLE) -> None:
        """Connect and declare the whole topology, here and again after each reconnect."""
        self._whole = whole
        self._optional = whole.heard() - whole.subscribed()
        self._connection = await connect(self._url, self._name)
        self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        for name, _ in EXCHANGES:
            self._exchanges[name] = await self._channel.get_exchange(name, ensure=False)
        await self._declare()
        self._connection.reconnect_callbacks.add(self._declare_again)
        # Answers are not worth a confirm: whoever misses one asks again.
        unconfirmed = await self._connection.channel(publisher_confirms=False)
        self._replies = unconfirmed.default_exchange

    async def stop(self) -> None:
        """Close the connection; what is unconfirmed stays unknown."""
        if self._connection is not None:
            await close(self._connection)

    async def publish(
        self, exchange: str, routing_key: str, body: bytes, *, durable: bool = True, delay_seconds: float | None = None
    ) -> None:
        """Publish one bundle and wait for the broker's confirm.

        A durable one survives the broker; one that no queue takes is refused, unless only gateways would hear it.
        Raises `NotSent`, `Unconfirmed`.
        """
        message = aio_pika.Message(
            body,
            content_type="application/json",
            user_id=self._user,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT if durable else aio_pika.DeliveryMode.NOT_PERSISTENT,
            expiration=delay_seconds,
        )
        if not self.ready:
            raise NotSent
        try:
            async with asyncio.timeout(self._confirm_timeout_seconds):
                await self._exchanges[exchange].publish(
                    message, routing_key, mandatory=routing_key not in self._optional
                )
        except aio_pika.exceptions.PublishError as error:
            raise NotSent from error
        except ChannelInvalidStateError as error:
            raise NotSent from error
        except (TimeoutError, AMQPError, ConnectionError, asyncio.CancelledError) as error:
            if _meant_for_us(error):
                raise
            raise Unconfirmed from error

    async def reply(self, queue: str, body: bytes) -> None:
        """Send answers to a gateway: neither mandatory nor retried, for the asker asks again."""
        if not self.ready or self._replies is None:
            return
        message = aio_pika.Message(body, content_type="application/json", user_id=self._user)
        with suppress(TimeoutError, AMQPError, ConnectionError, ChannelInvalidStateError):
            async with asyncio.timeout(self._confirm_timeout_seconds):
                await self._replies.publish(message, queue, mandatory=False)

    def _blocked(self) -> bool:
        # aiormq waits silently while the broker blocks publishers; we would rather say so.
        transport = getattr(self._connection, "transport", None)
        unblocked = getattr(getattr(transport, "connection", None), "_Connection__connection_unblocked", None)
        return unblocked is not None and not unblocked.is_set()

    async def _declare(self) -> None:
        async with self.connection.channel() as channel:
            try:
                await self._say(await channel.get_underlay_channel())
            except ChannelInvalidStateError as error:
                # It was closed before all had been said: the broker refuses something.
                raise AMQPError("the broker refuses the topology") from error

    async def _say(self, quick: aiormq.abc.AbstractChannel) -> None:
        """All in one breath: only the last of some two hundred declarations waits for the broker's word."""
        for name, kind in EXCHANGES:
            await quick.exchange_declare(name, exchange_type=kind, durable=True, nowait=True)
        for queue in self._whole.queues():
            await quick.queue_declare(queue.name, durable=True, arguments=queue.arguments, nowait=True)
            for exchange, routing_key in queue.bindings:
                await quick.queue_bind(queue.name, exchange, routing_key, nowait=True)
        await quick.exchange_declare(topology.COMMANDS, passive=True)

    async def _declare_again(self, *_: Any) -> None:
        with suppress(AMQPError, ChannelInvalidStateError, ConnectionError, TimeoutError):
            await self._declare()
