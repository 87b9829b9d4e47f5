"""The consuming side of a worker: takes bundles from its queues, batches naturally, acknowledges what is done."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog
from aio_pika.exceptions import AMQPError
from faststream.rabbit import RabbitMessage

from contracts import topology
from contracts.bus import NotSent, Unconfirmed
from workers.runtime.arrivals import RETRY_SECONDS, Arrival, Reader, acknowledge, give_back
from workers.runtime.database import Database, DatabaseAway
from workers.runtime.delivery import Committed, Delivery
from workers.runtime.listening import Listening
from workers.runtime.preparing import Preparer
from workers.runtime.settings import Settings
from workers.runtime.telemetry import metrics

log = structlog.get_logger()

TELLING_MAX = 4
OUTAGE_SECONDS_MAX = 10.0
OUTAGES_COUNTED_MAX = 8


class Consumer:
    """One write batch at a time over all queues of the hosted domains.

    A batch is what has arrived while the previous one was committing. While the database is away the connection is
    closed, so that others may have the messages; `listening` makes the one that follows.
    """

    def __init__(
        self,
        settings: Settings,
        domains: tuple[str, ...],
        reader: Reader,
        delivery: Delivery,
        preparer: Preparer,
        database: Database,
        listening: Callable[[], Listening],
    ) -> None:
        self._settings = settings
        self._domains = domains
        self._reader = reader
        self._delivery = delivery
        self._preparer = preparer
        self._database = database
        self._new_listening = listening
        self._listening: Listening | None = None
        self._intake: deque[Arrival] = deque()
        self._arrived = asyncio.Event()
        self._stopping = False
        self._telling = asyncio.Semaphore(TELLING_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._database_away = False
        self._outages = 0
        self._connections = 0
        self.consuming = False

    async def run(self) -> None:
        """Consume until `stop`; what has been taken by then is finished."""
        try:
            await self._subscribe()
            while not self._stopping or self._intake:
                await self._arrived.wait()
                if self._database_away:
                    await self._outage()
                elif batch := self._next_batch():
                    await self._handle(batch)
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await self._unsubscribe()

    async def stop(self) -> None:
        """Take nothing more, finish what was taken."""
        self.consuming = False
        if self._listening is not None:
            await self._listening.pause()
        await self._preparer.drain()
        self._stopping = True
        self._arrived.set()

    def database_away(self) -> None:
        """Somebody has noticed that the database is away."""
        self._database_away = True
        self._arrived.set()

    async def _subscribe(self) -> None:
        while not self._stopping:
            self._listening = self._listen()
            try:
                await self._listening.start()
            except (AMQPError, OSError, TimeoutError) as error:
                log.warning("broker_away", reason=repr(error))
                await self._unsubscribe()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.consuming = True
                return

    async def _unsubscribe(self) -> None:
        self.consuming = False
        if self._listening is not None:
            await self._listening.close()
            self._listening = None

    def _listen(self) -> Listening:
        listening = self._new_listening()
        for domain in self._domains:
            for queue in (topology.commands(domain), topology.events(domain)):
                listening.listen(queue, self._settings.prefetch_bundles, self._take)
            for queue in (topology.calls(domain), topology.slow(domain)):
                listening.listen(queue, self._settings.preparations * 2, self._take_slow)
        return listening

    async def _take(self, queue: str, message: RabbitMessage) -> None:
        arrival = await self._reader.open(queue, message)
        if arrival is not None:
            self._enqueue(arrival)

    async def _take_slow(self, queue: str, message: RabbitMessage) -> None:
        arrival = await self._reader.open(queue, message)
        if arrival is not None:
            await self._preparer.prepare(arrival, partial(self._prepared, self._connections), self.database_away)

    def _prepared(self, connection: int, arrival: Arrival) -> None:
        # What came over a connection that is closed comes again: a call leaves no claim that would tell.
        if connection == self._connections:
            self._enqueue(arrival)

    def _enqueue(self, arrival: Arrival) -> None:
        self._intake.append(arrival)
        self._arrived.set()

    def _next_batch(self) -> list[Arrival]:
        """What has arrived, up to the bound; a bundle that keeps coming back goes alone."""
        batch: list[Arrival] = []
        room = self._settings.batch_messages
        while self._intake:
            arrival = self._intake[0]
            if batch and (arrival.suspicious or len(arrival.works) > room):
                break
            batch.append(self._intake.popleft())
            room -= len(arrival.works)
            if arrival.suspicious:
                break
        if not self._intake and not self._stopping:
            self._arrived.clear()
        return batch

    async def _handle(self, batch: list[Arrival]) -> None:
        works = [work for arrival in batch for work in arrival.works]
        metrics.batch_messages.observe(len(works))
        try:
            with metrics.batch_seconds.time():
                deliver = self._delivery.deliver_suspects if batch[0].suspicious else self._delivery.deliver
                committed = await deliver(works)
        except DatabaseAway as error:
            log.warning("database_away", reason=repr(error.__cause__))
            self.database_away()
        except (NotSent, Unconfirmed):
            log.warning("broker_away")
            for arrival in batch:
                await give_back(arrival.message)
        else:
            self._outages = 0
            await self._telling.acquire()
            task = asyncio.create_task(self._tell(batch, committed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, batch: list[Arrival], committed: list[Committed]) -> None:
        """Tell and acknowledge. What can't be told now is kept by its untold row, so it may be acknowledged too."""
        try:
            for one in committed:
                await self._delivery.tell(one)
        except Exception:
            log.exception("not_told")
        finally:
            self._telling.release()
        for arrival in batch:
            await acknowledge(arrival.message)
            for work in arrival.works:
                if work.span is not None:
                    work.span.end()

    async def _outage(self) -> None:
        """Close the connection, so that others may have what was taken; go on when the database answers."""
        self._intake.clear()
        self._connections += 1
        await self._unsubscribe()
        # It may answer and still not work, as with a full disk.
        await asyncio.sleep(min(OUTAGE_SECONDS_MAX, RETRY_SECONDS * (2**self._outages - 1)))
        self._outages = min(self._outages + 1, OUTAGES_COUNTED_MAX)
        await self._database.wait()
        log.info("database_back")
        self._database_away = False
        await self._subscribe()
