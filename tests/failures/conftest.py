"""Servers that may be killed, and the system in both arrangements upon them."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import aiohttp
import pytest

from ops.local.postgres import ADMIN as POSTGRES_ADMIN
from ops.local.postgres import Postgres
from ops.local.rabbitmq import ADMIN as BROKER_ADMIN
from ops.local.rabbitmq import RabbitMQ
from ops.local.scratch import ScratchServers
from ops.local.servers import Servers, rabbitmq
from ops.local.valkey import Valkey
from tests.failures.traffic import Traffic
from tests.people import Person
from tests.servers import Databases, RedisDatabases, Vhosts
from tests.shops import Shop
from tests.system import System, Systems, eventually

# What would come after a minute comes after seconds.
HURRY = {"SAGA_RESEND_SECONDS": "2", "UNTOLD_AFTER_SECONDS": "3"}
# A repeat is known as one when a worker says so in time, which on a busy machine is a while.
PATIENT = {"ACCEPTANCE_WAIT_SECONDS": "3"}
# How the libraries tell of a connection that was lost, and who noticed by using it.
LOSSES = (
    "error when creating transport",
    '"fate": "answered".*connection',
)
PEOPLE = 5
FUNDS = 100_000


@dataclass(frozen=True)
class Machines:
    """The servers under the system."""

    postgres: Postgres
    broker: RabbitMQ
    redis: Valkey


@pytest.fixture(scope="session")
def machines(servers: ScratchServers) -> Iterator[Machines]:
    """Servers of these tests' own."""
    home = servers.home.child("failures")
    machines = Machines(Postgres(home), rabbitmq(home), Valkey(home))
    try:
        Servers(home, given={}).start(lambda _: None)
        yield machines
    finally:
        for server in (machines.postgres, machines.broker, machines.redis):
            server.clear()


@pytest.fixture(scope="session")
def systems(machines: Machines) -> Systems:
    """Starts systems on those."""
    databases = Databases(machines.postgres.url(POSTGRES_ADMIN, "postgres"))
    vhosts = Vhosts(machines.broker.url(BROKER_ADMIN), machines.broker.management_url)
    return Systems(machines.postgres.home, databases, vhosts, RedisDatabases(machines.redis.url))


@pytest.fixture(scope="session")
async def together(systems: Systems) -> AsyncIterator[System]:
    """All domains in one worker process."""
    async with systems.running("together", *LOSSES, split=False, settings=HURRY | PATIENT) as system:
        yield system


@pytest.fixture(scope="session")
async def apart(systems: Systems) -> AsyncIterator[System]:
    """Each domain in a worker process of its own."""
    async with systems.running("apart", *LOSSES, split=True, settings=HURRY | PATIENT) as system:
        yield system


@pytest.fixture(scope="session", params=["together", "apart"])
def system(request: pytest.FixtureRequest) -> System:
    """Both arrangements, in turn."""
    found: System = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections, which may break."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(15)) as session:
        yield session


@pytest.fixture
async def traffic(system: System, http: aiohttp.ClientSession) -> Traffic:
    """A few people with money, ready to send it around."""
    stranger = Person(http, system.gateways)

    async def recovered() -> bool:
        answer = await stranger.post("/v1/auth/login", {"email": stranger.email, "password": stranger.password})
        return answer.status == 401

    await eventually("people can log in", 30, recovered)
    people = [await Person(http, system.gateways, patient=True).join() for _ in range(PEOPLE)]
    wallets = [(person, await person.open(funds=FUNDS)) for person in people for _ in range(2)]
    admin = await Person(http, system.gateways, patient=True).appointed(system.servers.database)
    shop = await Shop.opened(people[0], admin, fixed=3, basis_points=250)
    return Traffic(wallets, shop, [await person.issue(wallet) for person, wallet in wallets[1:]])
