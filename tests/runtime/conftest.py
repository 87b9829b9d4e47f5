"""Probe workers on real servers: in the test's process, or desks without a broker."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.runtime import books as bookkeeping
from tests.runtime import probe
from tests.runtime.books import Books
from tests.runtime.desk import Desk
from tests.servers import Database, Vhost
from tests.workers.client import Client
from tests.workers.conftest import free_port, worker_settings
from workers.runtime.settings import Settings
from workers.runtime.worker import Worker

__all__ = ["worker_settings"]

Start = Callable[..., Coroutine[Any, Any, Worker]]


@pytest.fixture(autouse=True)
def script() -> Iterator[probe.Script]:
    """What the handlers do besides; nothing at first."""
    probe.script.clear()
    yield probe.script
    probe.script.clear()


@pytest.fixture
async def books(database: Database) -> AsyncIterator[Books]:
    """The database, with the tables of the probes."""
    await bookkeeping.install(database)
    books = await Books(database.admin_url).open()
    yield books
    await books.close()


@pytest.fixture
async def desks(database: Database, books: Books) -> AsyncIterator[Callable[..., Desk]]:
    """Makes desks."""
    del books
    made: list[Desk] = []

    def make(*domains: str, **settings: Any) -> Desk:
        made.append(Desk(database.app_url, *domains, **settings))
        return made[-1]

    yield make
    for desk in made:
        await desk.close()


@pytest.fixture
def desk(desks: Callable[..., Desk]) -> Desk:
    """A desk for the bank and the shop."""
    return desks()


@pytest.fixture
async def start(worker_settings: dict[str, Any], books: Books) -> AsyncIterator[Start]:
    """Start a probe worker; stopped when the test ends."""
    del books
    started: list[Worker] = []

    async def start(*domains: str, **settings: Any) -> Worker:
        told = worker_settings | {"metrics_port": free_port()} | settings
        hosted = [probe.DOMAINS[name] for name in domains or probe.DOMAINS]
        worker = Worker(Settings(**told), hosted, whole=probe.WHOLE)
        started.append(worker)
        await worker.start()
        return worker

    yield start
    for worker in started:
        await worker.stop()


@pytest.fixture
async def client(vhost: Vhost) -> AsyncIterator[Client]:
    """A caller in the gateway's place."""
    client = await Client(vhost.gateway_url).start(probe.WHOLE)
    yield client
    await client.stop()


@pytest.fixture
async def insider(vhost: Vhost) -> AsyncIterator[Client]:
    """Somebody with the workers' broker user."""
    insider = await Client(vhost.workers_url).start(probe.WHOLE)
    yield insider
    await insider.stop()
