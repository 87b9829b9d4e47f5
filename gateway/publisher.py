"""Publishes messages in natural bundles: at once when idle, else packed until the last confirm is back."""

import asyncio
from collections.abc import Callable

from contracts import topology
from contracts.bus import Bus, NotSent, Unconfirmed
from contracts.envelope import MAX_BUNDLE_BYTES, MAX_BUNDLE_MESSAGES
from gateway.metrics import Metrics

Told = Callable[[Exception | None], None]
"""How the sender of one message hears of its confirm (None), or of `NotSent` or `Unconfirmed`."""


class Publisher:
    """A lane per queue. Publishing never waits here: how it went is told to each message's sender."""

    def __init__(self, bus: Bus, metrics: Metrics) -> None:
        self._bus = bus
        self._metrics = metrics
        self._lanes: dict[str, Lane] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def put(self, queue: str, encoded: bytes, told: Told, *, durable: bool) -> None:
        """Send one encoded envelope to a queue."""
        lane = self._lanes.get(queue)
        if lane is None:
            lane = self._lanes[queue] = Lane(self, queue, durable=durable)
        lane.put(encoded, told)

    async def publish(self, queue: str, bundle: list[bytes], *, durable: bool) -> Exception | None:
        """Publish one bundle; what went wrong is returned."""
        self._metrics.bundle(queue, len(bundle))
        body = b"[" + b",".join(bundle) + b"]"
        try:
            await self._bus.publish(topology.COMMANDS, queue, body, durable=durable)
        except (NotSent, Unconfirmed) as error:
            self._metrics.published(queue, "not_sent" if isinstance(error, NotSent) else "unconfirmed")
            return error
        self._metrics.published(queue, "confirmed")
        return None


class Lane:
    """The messages for one queue: one bundle in flight, more only when full ones are waiting."""

    def __init__(self, publisher: Publisher, queue: str, *, durable: bool) -> None:
        self._publisher = publisher
        self._queue = queue
        self._durable = durable
        self._waiting: list[bytes] = []
        self._told: list[Told] = []
        self._size = 2
        self._in_flight = 0
        self._scheduled = False

    def put(self, encoded: bytes, told: Told) -> None:
        """Add one message; a full bundle leaves at once."""
        if self._size + len(encoded) + 1 > MAX_BUNDLE_BYTES:
            self._flush()
        self._waiting.append(encoded)
        self._told.append(told)
        self._size += len(encoded) + 1
        if len(self._waiting) == MAX_BUNDLE_MESSAGES:
            self._flush()
        elif not self._in_flight and not self._scheduled:
            # At the end of this turn of the loop, so that what has arrived together leaves together.
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_scheduled)

    def _flush_scheduled(self) -> None:
        self._scheduled = False
        if not self._in_flight:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            bundle, told = self._waiting, self._told
            self._waiting, self._told, self._size = [], [], 2
            self._in_flight += 1
            task = asyncio.create_task(self._publish(bundle, told))
            self._publisher.tasks.add(task)
            task.add_done_callback(self._publisher.tasks.discard)

    async def _publish(self, bundle: list[bytes], told: list[Told]) -> None:
        error: Exception | None = Unconfirmed()
        try:
            error = await self._publisher.publish(self._queue, bundle, durable=self._durable)
        finally:
            self._in_flight -= 1
            for tell in told:
                tell(error)
            if not self._in_flight:
                self._flush()
