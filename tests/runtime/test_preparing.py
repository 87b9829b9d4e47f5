"""Slow work happens before the transaction, bounded, and not for what was handled already; calls leave no trace."""

import asyncio
from typing import Any

from tests.runtime.books import Books
from tests.runtime.conftest import Start
from tests.runtime.patience import until
from tests.runtime.probe import Script
from tests.runtime.said.bank import Charge, Deposit, Move, TooLittle, Whisper
from tests.system import eventually
from tests.workers.client import Client
from workers.runtime.database import LOCK_TIMEOUT_MS

CHARGE = Charge(account="a", amount=5)
SECRET = "correct horse battery staple"
DURABLE = ("operations", "inbox", "untold", "sagas", "timers", "dead_letters")


class Gate:
    """Holds preparations until it is opened, and counts them."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.open = asyncio.Event()

    async def __call__(self, _command: Any) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.open.wait()
        self.inside -= 1


async def test_preparation_holds_neither_a_transaction_nor_other_messages(
    start: Start, client: Client, books: Books, script: Script
) -> None:
    script.preparing = gate = Gate()
    await start("bank")
    slow = client.envelope(CHARGE)
    await client.send(slow)
    await until(lambda: gate.inside)
    assert (await client.ask(Deposit(account="a", amount=1))).status == "succeeded"

    async def nobody_holds_one() -> bool:
        # Others may be in the midst of a short one.
        held = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in %'"
        return not await books.rows(held)

    await eventually("nobody holds a transaction", 5, nobody_holds_one)
    gate.open.set()
    assert (await client.final(slow)).status == "succeeded"
    assert await books.amount("a") == 6


async def test_a_bundle_waits_out_a_lock_that_keeps_its_claims_from_being_read(
    start: Start, client: Client, books: Books
) -> None:
    await start("bank")
    async with books.connection.transaction():
        await books.connection.execute("LOCK TABLE runtime.operations")
        slow = client.envelope(CHARGE)
        await client.send(slow)
        await asyncio.sleep(2 * LOCK_TIMEOUT_MS / 1000)
    assert (await client.final(slow)).status == "succeeded"
    assert await books.amount("a") == 5


async def test_calls_wait_for_no_command(start: Start, client: Client, script: Script) -> None:
    gate = Gate()

    async def hold(command: Any) -> None:
        if isinstance(command, Charge):
            await gate(command)

    script.preparing = hold
    await start("bank", preparations=1)
    slow = client.envelope(CHARGE)
    await client.send(slow)
    await until(lambda: gate.inside)
    assert (await client.ask(Whisper(account="a", secret=SECRET))).status == "succeeded"
    gate.open.set()
    assert (await client.final(slow)).status == "succeeded"


async def test_preparations_are_bounded(start: Start, client: Client, script: Script) -> None:
    script.preparing = gate = Gate()
    await start("bank", preparations=3)
    slow = [client.envelope(CHARGE) for _ in range(10)]
    await client.send(*slow[:5])
    await client.send(*slow[5:])
    await until(lambda: gate.inside == 3)
    await asyncio.sleep(0.2)
    assert gate.most == 3
    gate.open.set()
    for envelope in slow:
        await client.final(envelope)
    assert gate.most == 3


async def test_what_was_handled_is_not_prepared_again(start: Start, client: Client, script: Script) -> None:
    await start("bank")
    slow = client.envelope(CHARGE)
    await client.send(slow)
    await client.final(slow)
    repeat = slow._replace(request="req_repeat")
    await client.send(repeat)
    assert (await client.final(repeat)).status == "succeeded"
    assert script.prepared == [slow.id]


async def test_preparing_twice_says_the_same_id_to_the_provider_and_counts_once(
    start: Start, client: Client, books: Books, script: Script
) -> None:
    await start("bank")
    slow = client.envelope(CHARGE)
    await asyncio.gather(*(client.send(slow) for _ in range(5)))
    await client.final(slow)
    await asyncio.sleep(0.3)
    assert set(script.prepared) == {slow.id}
    assert await books.amount("a") == 5


async def test_a_refusal_is_an_answer(start: Start, client: Client, books: Books, script: Script) -> None:
    async def refuse(_command: Any) -> None:
        raise TooLittle

    script.preparing = refuse
    await start("bank")
    slow = client.envelope(CHARGE)
    await client.send(slow)
    reply = await client.final(slow)
    assert reply.problem is not None
    assert reply.problem.code == "too_little"
    assert await books.operation(slow.id) == "failed"
    assert script.count(Charge) == 0


async def test_an_exception_is_tried_again_and_neighbours_go_on(
    start: Start, client: Client, books: Books, script: Script
) -> None:
    async def fail_once(command: Charge) -> None:
        if command.account == "bad" and len(script.prepared) < 4:
            raise ConnectionError("the provider's")

    script.preparing = fail_once
    await start("bank")
    bundle = [client.envelope(Charge(account=account, amount=1)) for account in ("bad", "good", "better")]
    await client.send(*bundle)
    for envelope in bundle:
        assert (await client.final(envelope)).status == "succeeded"
    assert script.prepared.count(bundle[0].id) == 2
    assert script.prepared.count(bundle[1].id) == 1
    assert await books.letters() == []


async def test_and_dead_lettered_at_last(start: Start, client: Client, books: Books, script: Script) -> None:
    async def fail(_command: Any) -> None:
        raise ZeroDivisionError

    script.preparing = fail
    await start("bank", max_attempts=2)
    await client.send(client.envelope(CHARGE))
    await books.becomes([(Charge.wire_name, "ZeroDivisionError()", None)], books.letters)
    assert len(script.prepared) == 2


async def traces(books: Books) -> list[str]:
    """The durable rows that hold the secret."""
    found = []
    for table in DURABLE:
        rows = await books.rows(f"SELECT t::text FROM runtime.{table} AS t")
        found += [table for (row,) in rows if SECRET in row]
    return found


async def test_a_call_is_answered_and_leaves_no_trace(
    start: Start, client: Client, books: Books, script: Script
) -> None:
    await start("bank")
    assert (await client.ask(Whisper(account="a", secret=SECRET))).status == "succeeded"
    assert script.secrets == [SECRET]
    assert await traces(books) == []
    assert [await books.count(f"runtime.{table}") for table in DURABLE] == [0] * 6


async def test_a_call_that_fails_is_busy_and_leaves_no_trace(
    start: Start, client: Client, books: Books, script: Script
) -> None:
    def explode(*_: Any) -> None:
        raise ZeroDivisionError

    async def fail(_command: Any) -> None:
        raise ZeroDivisionError

    await start("bank", max_attempts=1)
    for trouble in ("preparing", "deciding"):
        script.clear()
        if trouble == "preparing":
            script.preparing = fail
        else:
            script.before[Whisper] = explode
        reply = await client.ask(Whisper(account="a", secret=SECRET))
        assert reply.problem is not None
        assert reply.problem.code == "busy"
    wrong = client.envelope(Whisper(account="a", secret=SECRET))
    await client.send(wrong._replace(type="bank.Nothing.v1"), queue="bank.calls")
    reply = await client.final(wrong)
    assert reply.problem is not None
    assert reply.problem.code == "busy"
    await client.send(wrong._replace(id="msg_2", body={"secret": SECRET}, type=Whisper.wire_name), queue="bank.calls")
    await client.ask(Move(source="x", destination="y", amount=1))
    assert [await books.count(f"runtime.{table}") for table in DURABLE if table != "operations"] == [0] * 5
    assert await traces(books) == []


async def test_the_rest_of_a_batch_does_not_make_a_call_durable(start: Start, client: Client, books: Books) -> None:
    await start("bank")
    commands = [client.envelope(Deposit(account="a", amount=1)) for _ in range(50)]
    calls = [client.envelope(Whisper(account="a", secret=SECRET)) for _ in range(10)]
    await asyncio.gather(client.send(*commands), client.send(*calls))
    for envelope in (*commands, *calls):
        assert (await client.final(envelope)).status == "succeeded"
    assert await books.count("runtime.operations") == 50
    assert await books.amount("a") == 60
    assert await traces(books) == []
