"""Top-ups from request to outcome, against the real sandbox."""

import asyncio

import pytest

from contracts.ledger import FreezeWallet
from contracts.topups import ListTopUpMethods, RequestTopUp
from tests.workers.bank import Bank
from tests.workers.topups.conftest import OWNER, Counter


async def test_a_charge_becomes_money(counter: Counter, sandbox: Bank) -> None:
    wallet = await counter.wallet()
    reply = await counter.topup(wallet, 50_000, metadata={"order": "7"})
    assert reply.status == "succeeded"
    assert reply.result is not None
    assert (reply.result["status"], reply.result["wallet_id"]) == ("succeeded", wallet)
    assert reply.result["metadata"] == {"order": "7"}
    assert await counter.balance(wallet) == 50_000
    [charge] = await sandbox.charges(reply.result["id"])
    assert (charge["amount"], charge["currency"], charge["method"]) == (50_000, "IDR", "gopay")


async def test_a_decline_leaves_a_failed_top_up_and_no_money(counter: Counter) -> None:
    wallet = await counter.wallet()
    reply = await counter.topup(wallet, 54_002)
    assert reply.status == "failed"
    assert reply.problem is not None
    assert reply.problem.code == "declined"
    assert reply.problem.detail == "The payment provider declined: not enough money there."
    [left] = await counter.list()
    assert left.status == "failed"
    assert left.failure is not None
    assert (left.failure.code, left.failure.detail) == ("declined", reply.problem.detail)
    assert await counter.balance(wallet) == 0


@pytest.mark.parametrize("amount", [54_008, 54_009], ids=["slow answer", "500 twice"])
async def test_an_unclear_answer_is_asked_for_again_and_charges_once(
    counter: Counter, sandbox: Bank, amount: int
) -> None:
    wallet = await counter.wallet()
    reply = await counter.topup(wallet, amount)
    assert reply.status == "succeeded"
    assert reply.result is not None
    assert len(await sandbox.charges(reply.result["id"])) == 1
    assert await counter.balance(wallet) == amount


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"method": "nope"}, "method_unknown"),
        ({"method": "us_ach_debit"}, "method_unknown"),
        ({"method": "indomaret", "amount": 1_000}, "amount_out_of_range"),
    ],
)
async def test_what_no_method_takes_is_refused_at_once(counter: Counter, fields: dict[str, object], code: str) -> None:
    wallet = await counter.wallet()
    reply = await counter.topup(wallet, **({"amount": 50_000} | fields))  # type: ignore[arg-type]
    assert reply.problem is not None
    assert reply.problem.code == code
    assert await counter.list() == []


async def test_nobody_is_charged_for_a_wallet_that_cannot_receive(counter: Counter, sandbox: Bank) -> None:
    theirs, frozen = await counter.wallet("usr_other"), await counter.wallet()
    await counter.client.ask(FreezeWallet(wallet_id=frozen), OWNER)
    replies = [
        await counter.topup(theirs, 50_000),
        await counter.topup("wal_none", 50_000),
        await counter.topup(frozen, 50_000),
        await counter.topup(await counter.wallet(), 50_000, currency="USD", method="us_ach_debit"),
    ]
    codes = [reply.problem and reply.problem.code for reply in replies]
    assert codes == ["not_found", "not_found", "wallet_frozen", "currency_mismatch"]
    for failed in await counter.list():
        assert failed.status == "failed"
        assert await sandbox.charges(failed.id) == []


async def test_the_same_operation_charges_and_credits_once(counter: Counter, sandbox: Bank) -> None:
    wallet = await counter.wallet()
    command = RequestTopUp(wallet_id=wallet, amount=50_000, currency="IDR", method="gopay")
    first = counter.client.envelope(command, OWNER)
    again = [counter.client.envelope(command, OWNER, id=first.id) for _ in range(3)]
    await counter.client.send(first, *again)
    await counter.client.send(*again)
    replies = [await counter.client.final(envelope) for envelope in (first, *again)]
    assert {reply.status for reply in replies} == {"succeeded"}
    assert replies[0].result is not None
    assert len(await sandbox.charges(replies[0].result["id"])) == 1
    assert await counter.balance(wallet) == 50_000


async def test_two_hundred_at_once_are_all_credited(counter: Counter) -> None:
    wallet = await counter.wallet()
    replies = await asyncio.gather(*(counter.topup(wallet, 50_000) for _ in range(200)))
    assert {reply.status for reply in replies} == {"succeeded"}
    assert await counter.balance(wallet) == 200 * 50_000


async def test_only_their_owner_and_operators_see_them(counter: Counter) -> None:
    reply = await counter.topup(await counter.wallet(), 50_000)
    assert reply.result is not None
    topup = reply.result["id"]
    assert (await counter.get(topup)).result == reply.result
    assert (await counter.get(topup, "usr_operator", oversees=True)).result == reply.result
    assert len(await counter.list("usr_operator", oversees=True)) == 1
    unseen = await counter.get(topup, "usr_other")
    assert unseen.problem is not None
    assert unseen.problem.code == "not_found"
    assert (await counter.get("top_none")).problem == unseen.problem
    assert await counter.list("usr_other") == []


async def test_lists_filter_newest_first(counter: Counter) -> None:
    first, second = await counter.wallet(), await counter.wallet()
    await counter.topup(first, 1_000)
    await counter.topup(first, 54_002, method="ovo")
    await counter.topup(second, 3_000)
    everything = await counter.list()
    assert [one.amount for one in everything] == [3_000, 54_002, 1_000]
    assert [one.amount for one in await counter.list(wallet_id=first)] == [54_002, 1_000]
    assert [one.amount for one in await counter.list(status="failed")] == [54_002]
    assert [one.amount for one in await counter.list(method="ovo")] == [54_002]
    middle = everything[1].created_at
    assert [one.amount for one in await counter.list(created_from=middle)] == [3_000, 54_002]
    assert [one.amount for one in await counter.list(created_to=middle)] == [1_000]


async def test_the_catalogue_can_be_read(counter: Counter) -> None:
    reply = await counter.client.ask(ListTopUpMethods())
    assert reply.result is not None
    assert {"id", "name", "currency", "min_amount", "max_amount", "fee"} == reply.result["data"][0].keys()
