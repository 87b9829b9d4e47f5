"""The consuming side of a worker: takes bundles from its queues, batches naturally, acknowledges what is done."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import structlog
from aio_pika.exceptions import AMQPError
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

from contracts import topology
from contracts.bus import NotSent, Unconfirmed
from contracts.envelope import Envelope, Undecodable, unpack
from workers.runtime.arrivals import Arrival, Reader
from workers.runtime.database import Database, DatabaseAway
from workers.runtime.delivery import Committed, Delivery
from workers.runtime.failures import Failures
from workers.runtime.preparing import Preparer
from workers.runtime.settings import Settings
from workers.runtime.telemetry import metrics
from workers.runtime.work import Work

log = structlog.get_logger()

SUSPICIOUS_RETURNS = 3
DEADLY_RETURNS = 10
TELLING_MAX = 4

Take = Callable[[str, RabbitMessage], Awaitable[None]]


@dataclass(frozen=True)
class Listener:
    """A queue beside those of the delivery loop, and who takes its messages."""

    queue: str
    prefetch: int
    take: Take


class Consumer:
    """One write batch at a time over all queues of the hosted domains.

    A batch is what has arrived while the previous one was committing. While the database is away the connection is
    closed, so that others may have the messages, and opened again when it answers.
    """

    def __init__(  # noqa: PLR0913 - the parts of a worker
        self,
        settings: Settings,
        domains: tuple[str, ...],
        reader: Reader,
        delivery: Delivery,
        failures: Failures,
        preparer: Preparer,
        database: Database,
        others: Sequence[Listener],
    ) -> None:
        self._settings = settings
        self._domains = domains
        self._reader = reader
        self._delivery = delivery
        self._failures = failures
        self._preparer = preparer
        self._database = database
        self._others = others
        self._broker: RabbitBroker | None = None
        self._intake: deque[Arrival] = deque()
        self._arrived = asyncio.Event()
        self._stopping = False
        self._telling = asyncio.Semaphore(TELLING_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_back: Counter[str] = Counter()
        self.consuming = False

    async def run(self) -> None:
        """Consume until `stop`; what has been taken by then is finished."""
        await self._subscribe()
        while not self._stopping or self._intake:
            await self._arrived.wait()
            batch = self._next_batch()
            if batch:
                await self._handle(batch)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._broker is not None:
            await self._broker.stop()

    async def stop(self) -> None:
        """Take nothing more, finish what was taken."""
        self.consuming = False
        for subscriber in self._broker.subscribers if self._broker else ():
            await subscriber.stop()
        await self._preparer.drain()
        self._stopping = True
        self._arrived.set()

    async def _subscribe(self) -> None:
        broker = RabbitBroker(
            self._settings.amqp_url.get_secret_value(), logger=None, apply_types=False, fail_fast=False
        )
        for domain in self._domains:
            for name in (topology.commands(domain), topology.events(domain)):
                self._listen(broker, name, self._settings.prefetch_bundles, self._take)
            for name in (topology.calls(domain), topology.slow(domain)):
                self._listen(broker, name, self._settings.preparations * 2, self._take_slow)
        for other in self._others:
            self._listen(broker, other.queue, other.prefetch, other.take)
        await broker.start()
        self._broker = broker
        self.consuming = True

    def _listen(self, broker: RabbitBroker, name: str, prefetch: int, take: Take) -> None:
        async def handle(message: RabbitMessage) -> None:
            await take(name, message)

        broker.subscriber(
            RabbitQueue(name, declare=False),
            ack_policy=AckPolicy.MANUAL,
            decoder=_as_it_is,
            channel=Channel(prefetch_count=prefetch),
        )(handle)

    async def _take(self, queue: str, message: RabbitMessage) -> None:
        arrival = await self._opened(queue, message)
        if arrival is not None:
            self._enqueue(arrival)

    async def _take_slow(self, queue: str, message: RabbitMessage) -> None:
        arrival = await self._opened(queue, message)
        if arrival is not None:
            await self._preparer.prepare(arrival, self._enqueue)

    async def _opened(self, queue: str, message: RabbitMessage) -> Arrival | None:
        """The bundle as work. What can't be read is buried first; a bundle with nothing left is done."""
        refused: list[tuple[Envelope, str]] = []
        raw = message.raw_message
        try:
            envelopes = unpack(message.body)
            works = list(self._reader.works(envelopes, queue, raw.user_id, lambda *why: refused.append(why)))
            for envelope, reason in refused:
                if not queue.endswith(".calls"):
                    await self._failures.bury(queue, envelope, reason)
        except Undecodable as error:
            works = []
            if not queue.endswith(".calls"):
                await self._failures.bury_raw(queue, "?", message.body[:4096].decode(errors="replace"), str(error))
        if not works:
            await _acknowledge(message)
            return None
        returned = cast("int", raw.headers.get("x-delivery-count", 0))
        key = works[0].envelope.id
        return Arrival(message, key, works, max(0, returned - self._given_back[key]))

    def _enqueue(self, arrival: Arrival) -> None:
        self._intake.append(arrival)
        self._arrived.set()

    def _next_batch(self) -> list[Arrival]:
        """What has arrived, up to the bound; a bundle that keeps coming back goes alone."""
        batch: list[Arrival] = []
        room = self._settings.batch_messages
        while self._intake and room > 0:
            if self._intake[0].returned >= SUSPICIOUS_RETURNS and batch:
                break
            arrival = self._intake.popleft()
            batch.append(arrival)
            room -= len(arrival.works)
            if arrival.returned >= SUSPICIOUS_RETURNS:
                break
        if not self._intake and not self._stopping:
            self._arrived.clear()
        return batch

    async def _handle(self, batch: list[Arrival]) -> None:
        works = [work for arrival in batch for work in arrival.works]
        suspicious = batch[0].returned >= SUSPICIOUS_RETURNS
        metrics.batch_messages.observe(len(works))
        try:
            if batch[0].returned >= DEADLY_RETURNS:
                works = await self._bury_first_unclaimed(batch[0], works)
            with metrics.batch_seconds.time():
                committed = await self._delivery.deliver(works, alone=suspicious)
        except DatabaseAway as error:
            log.warning("database_away", reason=repr(error.__cause__))
            await self._outage(batch)
        except (NotSent, Unconfirmed):
            log.warning("broker_away")
            await self._give_back(batch)
        else:
            await self._telling.acquire()
            task = asyncio.create_task(self._tell(batch, committed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, batch: list[Arrival], committed: list[Committed]) -> None:
        try:
            for one in committed:
                await self._delivery.tell(one)
        finally:
            self._telling.release()
        for arrival in batch:
            self._given_back.pop(arrival.key, None)
            await _acknowledge(arrival.message)
            for work in arrival.works:
                if work.span is not None:
                    work.span.end()

    async def _bury_first_unclaimed(self, arrival: Arrival, works: list[Work]) -> list[Work]:
        """A bundle that took the process with it ten times: its first message that isn't done is the suspect."""
        unclaimed = await self._delivery.unclaimed(works)
        if unclaimed:
            reason = f"the worker died {arrival.returned} times with this message"
            await self._failures.bury(unclaimed[0].queue, unclaimed[0].envelope, reason)
        return [work for work in works if not unclaimed or work is not unclaimed[0]]

    async def _give_back(self, batch: list[Arrival]) -> None:
        await asyncio.sleep(0.5)
        for arrival in batch:
            self._given_back[arrival.key] += 1
            with suppress(AMQPError, ConnectionError, RuntimeError):
                await arrival.message.nack(requeue=True)

    async def _outage(self, batch: list[Arrival]) -> None:
        """Close the connection, so that nothing burns attempts here; go on when the database answers."""
        self.consuming = False
        for arrival in (*batch, *self._intake):
            self._given_back[arrival.key] += 1
        self._intake.clear()
        if self._broker is not None:
            with suppress(AMQPError, ConnectionError, TimeoutError):
                await self._broker.stop()
        await self._database.wait()
        log.info("database_back")
        if not self._stopping:
            await self._subscribe()


async def _as_it_is(message: RabbitMessage) -> RabbitMessage:
    return message


async def _acknowledge(message: RabbitMessage) -> None:
    # A channel that has gone away gives the message to somebody else, who will find it claimed.
    with suppress(AMQPError, ConnectionError, RuntimeError):
        await message.ack()
