"""A bundle that keeps coming back: message by message, and what kills its worker is buried in the end."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import aio_pika
import pytest
from pydantic_core import from_json, to_json

from contracts.envelope import encode
from ops.local.home import PROJECT
from tests.runtime.books import Books
from tests.runtime.desk import GATEWAY, Desk, said
from tests.runtime.probe import Script
from tests.runtime.process import EXIT_CODE
from tests.runtime.said.bank import Charge, Deposit
from tests.servers import Vhost
from tests.workers.client import Client
from tests.workers.conftest import free_port
from workers.runtime import suspicion
from workers.runtime.database import DatabaseAway
from workers.runtime.unit_of_work import UnitOfWork

Spawn = Callable[..., Any]


class Died(BaseException):
    """The process ends here."""


def deadly(command: Deposit, _uow: UnitOfWork) -> None:
    if command.account == "killer":
        raise Died


@pytest.mark.parametrize(
    ("redelivered", "headers", "returned", "again"),
    [(False, {}, 0, False), (True, {}, 0, True), (True, {"x-delivery-count": 2}, 2, True)],
)
async def test_what_was_delivered_before_may_have_been_handled(
    desk: Desk, *, redelivered: bool, headers: dict[str, int], returned: int, again: bool
) -> None:
    raw = SimpleNamespace(user_id=GATEWAY, headers=headers, redelivered=redelivered)
    message: Any = SimpleNamespace(body=b"[" + encode(said(Deposit(account="a", amount=1))) + b"]", raw_message=raw)
    arrival = await desk.reader.open("bank.commands", message)
    assert arrival is not None
    assert (arrival.returned, arrival.works[0].again) == (returned, again)


async def deliver(desk: Desk, *envelopes: Any) -> None:
    for committed in await desk.delivery.deliver_suspects([desk.work(envelope) for envelope in envelopes]):
        await desk.delivery.tell(committed)


async def test_its_messages_are_handled_one_by_one_and_the_killer_is_found(
    desk: Desk, books: Books, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any) -> None:
        """Whoever is dead marks nothing."""

    monkeypatch.setattr(suspicion, "end", gone)
    script.before[Deposit] = deadly
    bundle = [said(Deposit(account=account, amount=1)) for account in ("a", "killer", "b")]
    for _ in range(suspicion.DEATHS_MAX):
        with pytest.raises(Died):
            await deliver(desk, *bundle)
        assert await books.amount("a") == 1, "done before it, and only once"
        assert await books.amount("b") is None
    assert not desk.bus.letters
    await deliver(desk, *bundle)
    assert await books.amount("b") == 1
    [letter] = [from_json(letter) for letter in desk.bus.letters]
    assert from_json(letter["message"])["id"] == bundle[1].id
    assert "died 7 times" in letter["reason"]


async def test_returns_without_a_death_bury_nobody(desk: Desk, books: Books) -> None:
    """However often outages make a bundle come back."""
    envelopes = [said(Deposit(account="a", amount=1)) for _ in range(3)]
    for _ in range(20):
        await deliver(desk, *envelopes)
    assert not desk.bus.letters
    assert await books.amount("a") == 3
    assert await books.count("runtime.inbox") == 0


async def test_a_failure_is_not_a_death(desk: Desk, script: Script, books: Books) -> None:
    def explode(*_: Any) -> None:
        raise ZeroDivisionError

    script.before[Deposit] = explode
    envelope = said(Deposit(account="a", amount=1))
    for _ in range(10):
        await deliver(desk, envelope)
    assert not desk.bus.letters
    assert {post.envelope.attempt for post in desk.bus.posts} == {2}
    assert await books.count("runtime.inbox") == 0


async def test_a_lock_keeps_a_suspect_from_being_tried_and_blames_it_for_nothing(desk: Desk, books: Books) -> None:
    envelope = said(Deposit(account="a", amount=1))
    async with books.connection.transaction():
        await books.connection.execute("LOCK TABLE runtime.inbox")
        with pytest.raises(DatabaseAway):
            await deliver(desk, envelope)
    assert not desk.bus.posts
    await deliver(desk, envelope)
    assert await books.amount("a") == 1
    assert {post.envelope.attempt for post in desk.bus.posts} == {1}


@pytest.fixture
async def spawn(worker_settings: dict[str, Any], books: Books) -> AsyncIterator[Spawn]:
    """Start probe workers as processes."""
    del books
    processes: list[asyncio.subprocess.Process] = []

    async def spawn(*domains: str, **variables: str) -> asyncio.subprocess.Process:
        told = {
            name.upper(): value if isinstance(value, str) else to_json(value).decode()
            for name, value in (worker_settings | {"metrics_port": free_port()}).items()
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.runtime.process", *domains),
            env=os.environ | told | variables,
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        processes.append(process)
        return process

    yield spawn
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [Deposit, Charge], ids=["when it is handled", "when it is prepared"])
async def test_a_message_that_kills_its_process_does_not_do_so_for_ever(
    spawn: Spawn, client: Client, books: Books, kind: type[Deposit | Charge]
) -> None:
    """The third return makes it suspicious, two more deaths are proof here."""
    bundle = [client.envelope(kind(account=account, amount=1)) for account in ("a", "killer", "b")]
    await client.send(*bundle)
    deaths = 0
    for _ in range(7):
        process = await spawn("bank", PROBE_KILLER="killer", PROBE_DEATHS="2")
        done = asyncio.create_task(process.wait())
        told = asyncio.create_task(client.final(bundle[2]))
        await asyncio.wait({done, told}, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            break
        told.cancel()
        assert done.result() == EXIT_CODE
        deaths += 1
    assert deaths == 5
    assert (await books.amount("a"), await books.amount("b"), await books.amount("killer")) == (1, 1, None)
    await books.becomes(1, lambda: books.count("runtime.dead_letters"))


async def test_on_sigterm_a_worker_finishes_and_acknowledges_what_it_took(
    spawn: Spawn, client: Client, books: Books, vhost: Vhost
) -> None:
    first = await spawn("bank", PROBE_PAUSE="0.02", PREFETCH_BUNDLES="4", BATCH_MESSAGES="4")
    assert first.stdout is not None
    await first.stdout.readline()
    envelopes = [client.envelope(Deposit(account="a", amount=1)) for _ in range(60)]
    for envelope in envelopes:
        await client.send(envelope)
    await done_at_least(books, 1)
    first.terminate()
    began = asyncio.get_running_loop().time()
    assert await first.wait() == 0
    assert asyncio.get_running_loop().time() - began < 5
    done = await books.count("runtime.operations")
    assert 0 < done < 60, "it took its share, and no more"
    left = await waiting(vhost)
    second = await spawn("bank")
    for envelope in envelopes:
        assert (await client.final(envelope)).status == "succeeded"
    assert await books.amount("a") == 60
    assert left == 60 - done, "all that it did is acknowledged"
    second.terminate()
    await second.wait()


async def done_at_least(books: Books, count: int) -> None:
    """Wait until so many operations are done."""

    async def enough() -> bool:
        return await books.count("runtime.operations") >= count

    await books.becomes(True, enough)  # noqa: FBT003 - what it becomes


async def waiting(vhost: Vhost) -> int:
    """How many messages wait in the bank's queue."""
    connection = await aio_pika.connect(vhost.admin_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("bank.commands", passive=True)
        return queue.declaration_result.message_count or 0


async def test_a_worker_killed_in_mid_batch_loses_and_doubles_nothing(
    spawn: Spawn, client: Client, books: Books
) -> None:
    envelopes = [client.envelope(Deposit(account=f"a{n % 7}", amount=1)) for n in range(400)]
    sending = asyncio.gather(*(client.send(*envelopes[n : n + 4]) for n in range(0, 400, 4)))
    workers = [await spawn("bank", "press", "museum", BATCH_MESSAGES="20", PROBE_PAUSE="0.001") for _ in range(2)]
    await sending
    for number in range(3):
        seen = await books.count("runtime.operations")
        await done_at_least(books, min(seen + 40, 390))
        workers[0].kill()
        await workers[0].wait()
        workers = [workers[1], await spawn("bank", "press", "museum", PROBE_PAUSE="0.001" if number < 2 else "0")]
    for envelope in envelopes:
        assert (await client.final(envelope)).status == "succeeded"
    assert await books.value("SELECT sum(amount) FROM probe.accounts") == 400
    await books.connection.execute("UPDATE runtime.untold SET created_at = now() - interval '1 hour'")
    await books.becomes(800, lambda: books.count("probe.notes"))
    assert await books.letters() == []
