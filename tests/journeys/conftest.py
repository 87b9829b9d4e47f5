"""The system in both arrangements, each started once and checked for complaints when the tests are done."""

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from tests.people import Person
from tests.system import System, Systems

# A busy machine is no reason to learn of a misused key later than at once.
PATIENT = {"ACCEPTANCE_WAIT_SECONDS": "3"}

NONSENSE = "ledger.Nonsense"
"""What operators are given to bury: it dies on purpose."""

Meet = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="session")
async def together(systems: Systems) -> AsyncIterator[System]:
    """All domains in one worker process."""
    async with systems.running("together", NONSENSE, split=False, settings=PATIENT) as system:
        yield system


@pytest.fixture(scope="session")
async def apart(systems: Systems) -> AsyncIterator[System]:
    """Each domain in a worker process of its own."""
    async with systems.running("apart", NONSENSE, split=True, settings=PATIENT) as system:
        yield system


@pytest.fixture(scope="session", params=["together", "apart"])
def system(request: pytest.FixtureRequest) -> System:
    """Both arrangements, in turn: the same journeys must pass."""
    found: System = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as session:
        yield session


@pytest.fixture
def meet(system: System, http: aiohttp.ClientSession) -> Meet:
    """Somebody new, registered and logged in."""

    async def meet() -> Person:
        return await Person(http, system.gateways).join()

    return meet


@pytest.fixture
async def ani(meet: Meet) -> Person:
    """A customer."""
    return await meet()


@pytest.fixture
async def budi(meet: Meet) -> Person:
    """Another one."""
    return await meet()


@pytest.fixture
async def admin(system: System, http: aiohttp.ClientSession) -> Person:
    """An operator's first admin."""
    return await Person(http, system.gateways).appointed(system.servers.database)


@pytest.fixture
def nobody(system: System, http: aiohttp.ClientSession) -> Person:
    """Somebody without a token."""
    return Person(http, system.gateways)
