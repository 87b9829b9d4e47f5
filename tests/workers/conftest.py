"""Workers in the test's own process, on real servers, and a client in the gateway's place."""

import base64
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from tests.servers import Database, Vhost, Vhosts
from tests.workers.client import Client
from workers import roles
from workers.ledger import chart
from workers.runtime.roster import Domain
from workers.runtime.settings import Settings
from workers.runtime.worker import Worker

Start = Callable[..., Coroutine[Any, Any, Worker]]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def vhost(kept_vhost: Vhost, vhosts: Vhosts, alone: None) -> Vhost:
    """One with empty queues."""
    del alone
    await vhosts.purge(kept_vhost)
    return kept_vhost


@pytest.fixture
def worker_settings(database: Database, vhost: Vhost) -> dict[str, Any]:
    """What a worker of this test is told."""
    return {
        "database_url": database.app_url,
        "amqp_url": vhost.workers_url,
        "signing_keys": [{"kid": "test", "seed": base64.urlsafe_b64encode(bytes(32)).decode()}],
        "sealing_keys": [{"id": "test", "key": base64.urlsafe_b64encode(bytes(32)).decode()}],
        "api_key_pepper": base64.urlsafe_b64encode(bytes(32)).decode(),
        "card_keys": [{"id": "test", "key": base64.urlsafe_b64encode(b"k" * 32).decode()}],
        "card_pepper": base64.urlsafe_b64encode(b"p" * 32).decode(),
        "cvv_key": base64.urlsafe_b64encode(bytes(32)).decode(),
        "provider_url": "http://127.0.0.1:1",
        "provider_key": "unused",
        "provider_callback_secret": "callback-test-secret",
        "provider_schedule_seconds": [0, 0, 0, 0, 1],
        "argon2_memory_kib": 8192,
        "argon2_time_cost": 1,
        "retry_delay_seconds": 0.1,
        "timer_poll_seconds": 0.1,
        "saga_resend_seconds": 1.0,
    }


@pytest.fixture
async def start_worker(worker_settings: dict[str, Any]) -> AsyncIterator[Start]:
    """Start a worker with domains by name or as they are; stopped when the test ends."""
    started: list[Worker] = []
    chart.use_stripe(0)

    async def start(*domains: str | Domain, **settings: Any) -> Worker:
        hosted = [d for one in domains for d in (roles.chosen([one]) if isinstance(one, str) else [one])]
        worker = Worker(Settings(**(worker_settings | {"metrics_port": free_port()} | settings)), hosted)
        await worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        await worker.stop()


@pytest.fixture
async def client(vhost: Vhost) -> AsyncIterator[Client]:
    """A caller in the gateway's place."""
    client = await Client(vhost.gateway_url).start()
    yield client
    await client.stop()
