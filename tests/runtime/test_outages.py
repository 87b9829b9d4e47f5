"""Servers that go away under load: nothing is lost or doubled, and no message is blamed."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local import postgres, rabbitmq, scratch
from ops.local.home import Home
from ops.local.postgres import Postgres
from ops.local.rabbitmq import RabbitMQ
from tests.runtime.books import Books
from tests.runtime.conftest import Start
from tests.runtime.patience import until
from tests.runtime.said.bank import Charge, Deposit, Whisper
from tests.runtime.said.shop import Order
from tests.servers import Database, Databases, Vhost, Vhosts
from tests.workers.client import Client

STATUSES = "SELECT status, count(*) FROM runtime.operations GROUP BY status"


@pytest.fixture(scope="module")
def own_home() -> Iterator[Home]:
    """A home for servers of this module's own."""
    home = Home(Path(tempfile.mkdtemp(prefix="saldo-test-")))
    home.prepare()
    yield home
    scratch.discard(home)


@pytest.fixture(scope="module")
def own_postgres(own_home: Home) -> Postgres:
    server = Postgres(own_home)
    server.start()
    return server


@pytest.fixture(scope="module")
def own_broker(own_home: Home) -> RabbitMQ:
    server = RabbitMQ(own_home)
    server.start()
    return server


@pytest.fixture
async def database(own_postgres: Postgres) -> AsyncIterator[Database]:
    """Instead of the common one."""
    own_postgres.start()
    maker = Databases(own_postgres.url(postgres.ADMIN, "postgres"))
    yield await maker.create()
    await maker.close()


@pytest.fixture
async def vhost(own_broker: RabbitMQ, alone: None) -> Vhost:
    """Instead of the common one."""
    del alone
    own_broker.start()
    return await Vhosts(own_broker.url(rabbitmq.ADMIN), own_broker.management_url).create()


class Load:
    """Deposits, one bundle after the other, until told to stop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._task = asyncio.create_task(self._run())
        self._stopping = False
        self.sent: list[Any] = []

    async def _run(self) -> None:
        while not self._stopping:
            bundle = [self._client.envelope(Deposit(account=f"a{n}", amount=1)) for n in range(5)]
            self.sent += bundle
            await self._until_sent(bundle)
            await asyncio.sleep(0.01)

    async def _until_sent(self, bundle: list[Any]) -> None:
        while True:
            try:
                return await self._client.send(*bundle)
            except Exception:  # noqa: BLE001 - a caller repeats with the same keys until it is accepted
                await asyncio.sleep(0.1)

    async def at_least(self, count: int) -> None:
        await until(lambda: len(self.sent) >= count)

    async def stop(self) -> int:
        """How many were sent."""
        self._stopping = True
        await self._task
        return len(self.sent)


async def everything(books: Books, sent: int) -> None:
    """All that was sent is done, once, and heard of."""
    await books.becomes([("succeeded", sent)], lambda: books.rows(STATUSES))
    assert await books.value("SELECT sum(amount) FROM probe.accounts") == sent
    await books.connection.execute("UPDATE runtime.untold SET created_at = now() - interval '1 hour'")
    await books.becomes(2 * sent, lambda: books.count("probe.notes"))
    assert await books.letters() == []


async def reopened(books: Books) -> Books:
    await books.close()
    return await books.open()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_postgresql_goes_and_comes_back(
    start: Start, client: Client, books: Books, own_postgres: Postgres, how: str
) -> None:
    workers = [await start("bank", "press"), await start("bank", "museum")]
    load = Load(client)
    await load.at_least(100)
    await asyncio.to_thread(getattr(own_postgres, how))
    await load.at_least(len(load.sent) + 50)
    await until(lambda: not any(worker._consumer and worker._consumer.consuming for worker in workers), seconds=5)
    for worker in workers:
        assert await worker.missing() == ["not ready: consuming", "not ready: database"]
    await asyncio.to_thread(own_postgres.start)
    await load.at_least(len(load.sent) + 50)
    await reopened(books)
    await everything(books, await load.stop())


async def test_an_outage_of_the_database_burns_no_attempts(
    start: Start, client: Client, books: Books, own_postgres: Postgres
) -> None:
    """Also those of slow messages, whose preparation is the first to notice."""
    await start("bank", max_attempts=1)
    await client.ask(Charge(account="a", amount=1))
    await asyncio.to_thread(own_postgres.stop)
    slow = [client.envelope(Charge(account="a", amount=1)) for _ in range(5)]
    quick = [client.envelope(Deposit(account="a", amount=1)) for _ in range(5)]
    for envelope in (*slow, *quick):
        await client.send(envelope)
    await asyncio.sleep(3)
    await asyncio.to_thread(own_postgres.start)
    for envelope in (*slow, *quick):
        assert (await client.final(envelope)).status == "succeeded"
    await reopened(books)
    assert await books.amount("a") == 11
    assert await books.letters() == []
    assert await books.count("runtime.inbox") == 0, "nobody became a suspect"


async def test_a_call_during_an_outage_is_answered_or_forgotten(
    start: Start, client: Client, books: Books, own_postgres: Postgres
) -> None:
    await start("bank")
    await asyncio.to_thread(own_postgres.stop)
    call = client.envelope(Whisper(account="w", secret="hush"))
    await client.send(call)
    await asyncio.sleep(1)
    await asyncio.to_thread(own_postgres.start)
    await client.ask(Deposit(account="a", amount=1))
    await reopened(books)
    assert await books.letters() == []
    assert {reply.status for reply in client.answers(call)} <= {"succeeded", "failed"}


async def test_a_worker_that_starts_before_its_database_waits(
    start: Start, client: Client, books: Books, own_postgres: Postgres
) -> None:
    await asyncio.to_thread(own_postgres.stop)
    starting = asyncio.create_task(start("bank"))
    await asyncio.sleep(1)
    assert not starting.done()
    await asyncio.to_thread(own_postgres.start)
    await starting
    assert (await client.ask(Deposit(account="a", amount=1))).status == "succeeded"
    await reopened(books)


async def test_stopping_during_an_outage_does_not_wait_for_its_end(
    start: Start, client: Client, books: Books, own_postgres: Postgres
) -> None:
    worker = await start("bank", shutdown_seconds=1)
    await asyncio.to_thread(own_postgres.stop)
    await client.send(client.envelope(Deposit(account="a", amount=1)))
    await asyncio.sleep(0.5)
    async with asyncio.timeout(4):
        await worker.stop()
    await asyncio.to_thread(own_postgres.start)
    await start("bank")
    await reopened(books)
    await books.becomes(1, lambda: books.amount("a"))


async def test_the_broker_is_killed_and_comes_back(
    start: Start, client: Client, books: Books, own_broker: RabbitMQ
) -> None:
    await books.put("rich", 1000)
    await start("bank", "press")
    await start("shop", "museum", saga_resend_seconds=0.5)
    orders = [client.envelope(Order(account="rich", amount=1)) for _ in range(50)]
    load = Load(client)
    await load.at_least(50)
    await client.send(*orders)
    await asyncio.sleep(0.05)
    await asyncio.to_thread(own_broker.kill)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(own_broker.start)
    await load.at_least(len(load.sent) + 50)
    sent = await load.stop()
    async with asyncio.timeout(30):
        while await books.rows(STATUSES) != [("succeeded", sent + 50)]:
            await books.connection.execute("UPDATE runtime.untold SET created_at = now() - interval '1 hour'")
            await asyncio.sleep(0.2)
    assert await books.rows("SELECT amount, reserved FROM probe.accounts WHERE id = 'rich'") == [(950, 0)]
    assert await books.value("SELECT sum(amount) FROM probe.accounts WHERE id <> 'rich'") == sent
    assert await books.letters() == []
    assert await books.rows("SELECT DISTINCT phase FROM runtime.sagas") == [("completed",)]
