"""One gateway and one scripted worker for the tests of this folder: nothing of what they say stays."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.server import Gateway
from tests.gateway import clients
from tests.gateway.tokens import Issuer
from tests.gateway.worker import Worker
from tests.servers import RedisDatabases, Vhosts


@dataclass(frozen=True)
class Door:
    """A gateway, the worker behind it, and who signs the tokens."""

    gateway: Gateway
    worker: Worker
    issuer: Issuer


@pytest.fixture(scope="package")
async def door(vhosts: Vhosts, redis_databases: RedisDatabases) -> AsyncIterator[Door]:
    vhost, issuer = await vhosts.create(), Issuer()
    worker = Worker(vhost.workers_url, issuer)
    await worker.start()
    urls = {"amqp_url": vhost.gateway_url, "redis_url": await redis_databases.create()}
    async with clients.running(clients.settings(**urls)) as gateway:
        yield Door(gateway, worker, issuer)
    await worker.stop()
    await vhosts.delete(vhost)


@pytest.fixture
def worker(door: Door) -> Worker:
    """It has forgotten what the tests before said and did."""
    door.worker.forget()
    return door.worker


@pytest.fixture
def gateway(door: Door, worker: Worker) -> Gateway:
    del worker
    return door.gateway


@pytest.fixture
def issuer(door: Door) -> Issuer:
    return door.issuer
