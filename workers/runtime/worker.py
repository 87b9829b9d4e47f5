"""One worker process: the parts put together, started in order and stopped in reverse."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import aiohttp
import structlog

from contracts import topology
from contracts.bus import Bus, user_of
from contracts.topology import Topology
from workers.runtime import health
from workers.runtime.answering import Answering
from workers.runtime.arrivals import Reader
from workers.runtime.consumer import Consumer
from workers.runtime.database import Database
from workers.runtime.dead_letters import Drain
from workers.runtime.delivery import Delivery
from workers.runtime.failures import Failures
from workers.runtime.listening import Listening
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Teller
from workers.runtime.preparing import Preparer
from workers.runtime.resources import Resources
from workers.runtime.reveals import Reveals
from workers.runtime.roster import Domain, Roster
from workers.runtime.settings import Settings
from workers.runtime.upkeep import Upkeep, every

log = structlog.get_logger()

DEAD_LETTERS_PREFETCH = 16
INBOX_SWEEP_SECONDS = 600.0
REVEALS_SWEEP_SECONDS = 30.0
GAUGES_SECONDS = 10.0

Periodic = tuple[float, Callable[[Database], Awaitable[Any]]]


class Worker:
    """Hosts domains until it is stopped. `periodic` are domains' own tasks, by domain: (seconds, what)."""

    def __init__(
        self,
        settings: Settings,
        domains: Sequence[Domain],
        periodic: Mapping[str, Periodic] | None = None,
        whole: Topology = topology.WHOLE,
    ) -> None:
        self._settings = settings
        self._periodic = periodic or {}
        self._whole = whole
        self.roster = Roster.of(domains, whole)
        # What names the process comes first, for PostgreSQL keeps the beginning only.
        self.name = f"workers-{os.getpid()}-{socket.gethostname()}-{'-'.join(self.roster.domains)}"
        self.database = Database(settings.database_url.get_secret_value(), name=self.name[:63])
        self.bus = Bus(settings.amqp_url.get_secret_value(), name=self.name)
        self.teller = Teller(self.bus)
        self._tasks: list[asyncio.Task[Any]] = []
        self._consumer: Consumer | None = None
        self._cleaning = AsyncExitStack()
        self._stopped = False

    async def start(self) -> None:
        """Connect to everything and begin to consume. May be cancelled; `stop` cleans up."""
        settings, roster = self._settings, self.roster
        self._cleaning.push_async_callback(self.database.close)
        # First, so that whoever looks sees a process that lives and waits.
        runner = await health.serve(settings.metrics_host, settings.metrics_port, self.missing)
        self._cleaning.push_async_callback(runner.cleanup)
        await self.database.wait()
        self._cleaning.push_async_callback(self.bus.stop)
        await self.bus.start(self._whole)
        http = aiohttp.ClientSession()
        self._cleaning.push_async_callback(http.close)
        resources = Resources(self.database.reader, http, settings)
        failures = Failures(
            self.bus, max_attempts=settings.max_attempts, retry_delay_seconds=settings.retry_delay_seconds
        )
        orchestrator = Orchestrator(roster, resend_seconds=settings.saga_resend_seconds)
        delivery = Delivery(self.database, roster, orchestrator, self.teller, failures, Reveals.of(settings))
        own_user = user_of(settings.amqp_url.get_secret_value())
        users = {"gateway_user": settings.gateway_broker_user, "own_user": own_user}
        reader = Reader(roster, orchestrator, failures, self.teller, **users)
        preparer = Preparer(delivery, failures, self.database, resources, most=settings.preparations)
        answering = Answering(roster, self.database, self.bus, resources, most=settings.queries_in_flight)
        listening = partial(self._listening, answering, Drain(self.database))
        self._consumer = Consumer(settings, roster.domains, reader, delivery, preparer, self.database, listening)
        self._consuming = asyncio.create_task(self._consumer.run())
        self._tasks = [asyncio.create_task(task) for task in self._upkeep()]
        log.info("consuming", domains=roster.domains)

    async def wait(self) -> None:
        """Return when the delivery loop ends; it raises what broke it."""
        await asyncio.shield(self._consuming)

    async def stop(self) -> None:
        """Finish what was taken, then close everything. Once is enough."""
        if self._stopped:
            return
        self._stopped = True
        if self._consumer is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.shutdown_seconds):
                    await self._consumer.stop()
                    # What broke it is for `wait` to tell; everything is closed all the same.
                    await asyncio.wait({self._consuming})
            self._tasks.append(self._consuming)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cleaning.aclose()
        log.info("stopped")

    async def missing(self) -> list[str]:
        """What keeps this worker from working."""
        states = {
            "consuming": self._consumer is not None and self._consumer.consuming,
            "broker": self.bus.ready,
            "database": await self.database.answers(),
        }
        return [f"not ready: {name}" for name, fine in states.items() if not fine]

    def _listening(self, answering: Answering, drain: Drain) -> Listening:
        settings = self._settings
        listening = Listening(settings.amqp_url.get_secret_value(), self.name)
        for domain in self.roster.domains:
            listening.listen(topology.queries(domain), settings.queries_in_flight * 2, answering.take)
            listening.listen(topology.dead(domain), DEAD_LETTERS_PREFETCH, drain.take)
        return listening

    def _upkeep(self) -> list[Any]:
        settings = self._settings
        keeper = Upkeep(self.database, self.bus, self.teller)
        return [
            every(settings.timer_poll_seconds, "timers", keeper.fire_timers),
            every(settings.timer_poll_seconds * 5, "untold", lambda: keeper.tell_untold(settings.untold_after_seconds)),
            every(INBOX_SWEEP_SECONDS, "claims", lambda: keeper.forget_claims(settings.inbox_retention_days)),
            every(REVEALS_SWEEP_SECONDS, "reveals", keeper.forget_reveals),
            every(GAUGES_SECONDS, "gauges", keeper.gauges),
            *(every(seconds, name, partial(what, self.database)) for name, (seconds, what) in self._periodic.items()),
        ]
