"""A gateway, a scripted worker and a client, on a vhost and a Redis database of the test's own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import pytest

from gateway.server import Gateway
from tests.gateway import clients
from tests.gateway.clients import Client
from tests.gateway.tokens import Issuer
from tests.gateway.worker import Worker
from tests.servers import Vhost, Vhosts

Start = Callable[..., AbstractAsyncContextManager[Gateway]]
Join = Callable[..., Client]


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def vhost(kept_vhost: Vhost, vhosts: Vhosts, alone: None) -> Vhost:
    """One with empty queues."""
    del alone
    await vhosts.purge(kept_vhost)
    return kept_vhost


@pytest.fixture
async def worker(vhost: Vhost, issuer: Issuer) -> AsyncIterator[Worker]:
    worker = Worker(vhost.workers_url, issuer)
    await worker.start()
    yield worker
    await worker.stop()


@pytest.fixture
def start(vhost: Vhost, redis_url: str, worker: Worker) -> Start:
    """Starts a gateway with settings of its own; a worker is there."""
    del worker

    def start(*, ready: bool = True, **changes: Any) -> AbstractAsyncContextManager[Gateway]:
        urls = {"amqp_url": vhost.gateway_url, "redis_url": redis_url}
        return clients.running(clients.settings(**urls | changes), ready=ready)

    return start


@pytest.fixture
async def gateway(start: Start) -> AsyncIterator[Gateway]:
    async with start() as gateway:
        yield gateway


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def join(http: aiohttp.ClientSession, issuer: Issuer) -> Join:
    """Makes somebody with a token."""

    def join(gateway: Gateway, **claims: Any) -> Client:
        return Client(f"http://127.0.0.1:{gateway.port}", http, issuer, **claims)

    return join


@pytest.fixture
def client(gateway: Gateway, join: Join) -> Client:
    return join(gateway)
