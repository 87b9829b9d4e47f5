"""The servers of a test run and, for each test that asks, a database, a vhost and a Redis of its own.

`./dev test` starts the servers and names them in `TEST_…` variables; without those, the
first test that needs a server starts it, and it is gone when the run ends.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from ops.local import scratch
from ops.local.home import Home
from ops.local.scratch import ScratchServers
from tests.servers import Database, Databases, RedisDatabases, Vhost, Vhosts
from tests.system import Systems

# What shares servers or processes that cost more to start than its tests.
TOGETHER = (
    "tests/bus/",
    "tests/failures/",
    "tests/gateway/standing/",
    "tests/observability/",
    "tests/runtime/test_outages.py",
)


class BySystem(LoadScopeScheduling):  # type: ignore[misc]
    """Deals single tests out to the runs side by side, but those of one system to one."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/journeys/"):
            return "journeys apart" if "[apart" in nodeid else "journeys together"
        return next((shared for shared in TOGETHER if nodeid.startswith(shared)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySystem:
    """Whichever way of dealing was asked for."""
    return BySystem(config, log)


@pytest.fixture(scope="session")
def servers() -> Iterator[ScratchServers]:
    """The servers of this run; each starts when its URL is first asked for."""
    started = ScratchServers()
    yield started
    started.close()


@pytest.fixture
def home() -> Iterator[Home]:
    """A home for servers of the test's own, which it may kill and restart; nothing of it stays.

    Not in `tmp_path`: any other pytest run closes its parent folder to other users, and as root
    PostgreSQL is one.
    """
    home = Home(Path(tempfile.mkdtemp(prefix="saldo-test-")))
    home.prepare()
    yield home
    scratch.discard(home)


@pytest.fixture(scope="session")
async def databases(servers: ScratchServers) -> AsyncIterator[Databases]:
    """Makes migrated databases."""
    maker = Databases(servers.postgres_url)
    yield maker
    await maker.close()


@pytest.fixture(scope="session")
def vhosts(servers: ScratchServers) -> Vhosts:
    """Makes vhosts."""
    return Vhosts(servers.amqp_url, servers.management_url)


@pytest.fixture(scope="session")
def redis_databases(servers: ScratchServers) -> RedisDatabases:
    """Makes empty Redis databases."""
    return RedisDatabases(servers.redis_url)


@pytest.fixture(scope="session")
def systems(servers: ScratchServers, databases: Databases, vhosts: Vhosts, redis_databases: RedisDatabases) -> Systems:
    """Starts whole systems."""
    return Systems(servers.home, databases, vhosts, redis_databases)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    made = await databases.create()
    yield made
    await databases.drop(made)


@pytest.fixture
async def alone() -> AsyncIterator[None]:
    """Fails a test that leaves tasks behind: a connection would come back for ever, and keep the run from ending."""
    before = asyncio.all_tasks()
    yield
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=3)
    assert not left


@pytest.fixture
async def vhost(vhosts: Vhosts, alone: None) -> AsyncIterator[Vhost]:
    """A vhost of the test's own, with the users `gateway` and `workers`."""
    del alone
    made = await vhosts.create()
    yield made
    await vhosts.delete(made)


@pytest.fixture(scope="session")
async def kept_vhost(vhosts: Vhosts) -> AsyncIterator[Vhost]:
    """A vhost for many tests, one after the other: to make its quorum queues takes longer than most of them."""
    made = await vhosts.create()
    yield made
    await vhosts.delete(made)


@pytest.fixture
async def redis_url(redis_databases: RedisDatabases) -> str:
    """An empty Redis database of the test's own."""
    return await redis_databases.create()
