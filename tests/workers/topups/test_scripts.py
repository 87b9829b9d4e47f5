"""Every script of the sandbox, to the right final state: credited exactly once, or not at all."""

import asyncio

import pytest

from contracts.ledger import ListReceivables
from contracts.topups import ResolveTopUp, ReverseTopUp
from sandbox.scripts import SCRIPTS, SUCCEED
from tests.workers.bank import Bank
from tests.workers.topups.conftest import Counter

OPERATOR = "usr_operator"
AMOUNT = 50_000
SUCCEEDING = [
    "succeed", "slow_answer", "fail_twice", "delay", "timeout_then_succeed", "lost_answer", "duplicate_callbacks",
    "early_callback", "out_of_order", "reversal", "stored_error", "garbage", "reset", "trickle",
]  # fmt: skip
FAILING = [script.name for script in SCRIPTS if script.decline_code is not None]


def test_every_script_is_tried_here() -> None:
    assert {*SUCCEEDING, *FAILING, "wrong_amount"} == {script.name for script in (SUCCEED, *SCRIPTS)}


@pytest.mark.parametrize("script", SUCCEEDING)
async def test_what_was_charged_is_credited_once(counter: Counter, sandbox: Bank, script: str) -> None:
    wallet = await counter.wallet()
    await sandbox.plan(script)
    reply = await counter.topup(wallet, AMOUNT)
    assert reply.status == "succeeded", reply
    assert reply.result is not None
    [charge] = await sandbox.charges(reply.result["id"])
    assert charge["status"] == "succeeded"
    assert await counter.balance(wallet) == AMOUNT
    assert await counter.suspense() == 0


@pytest.mark.parametrize("script", FAILING)
async def test_what_was_declined_is_not_credited(counter: Counter, sandbox: Bank, script: str) -> None:
    wallet = await counter.wallet()
    await sandbox.plan(script)
    reply = await counter.topup(wallet, AMOUNT)
    assert reply.problem is not None
    assert reply.problem.code == "declined"
    assert await counter.balance(wallet) == 0
    assert [one.status for one in await counter.list()] == ["failed"]
    assert await counter.suspense() == 0


async def test_money_that_does_not_fit_waits_for_an_operator_who_may_click_twice(
    counter: Counter, sandbox: Bank
) -> None:
    wallet = await counter.wallet()
    await sandbox.plan("wrong_amount")
    topup = await counter.begin(wallet, AMOUNT)
    doubted = await counter.becomes(topup, "unknown")
    assert doubted.amount_received == AMOUNT - 100
    assert await counter.suspense() == AMOUNT - 100
    resolve = ResolveTopUp(topup_id=topup, outcome="succeeded", reason="The payer paid less.")
    await asyncio.gather(*(counter.client.ask(resolve, OPERATOR) for _ in range(3)))
    await counter.becomes(topup, "succeeded")
    assert await counter.balance(wallet) == AMOUNT - 100
    assert await counter.suspense() == 0
    refused = await counter.client.ask(resolve.model_copy(update={"outcome": "failed"}), OPERATOR)
    assert refused.problem is not None
    assert refused.problem.code == "already_resolved"


async def test_money_that_does_not_fit_and_is_taken_back_leaves_nothing(counter: Counter, sandbox: Bank) -> None:
    topup = await counter.begin(wallet := await counter.wallet(), 54_018)
    await counter.becomes(topup, "unknown")
    [charge] = await sandbox.charges(topup)
    await sandbox.change(charge["id"], "reversed")
    failed = await counter.becomes(topup, "failed")
    assert failed.failure is not None
    assert failed.failure.code == "amount_mismatch"
    assert await counter.balance(wallet) == 0
    assert await counter.suspense() == 0


async def test_a_reversal_days_later_takes_the_money_back(counter: Counter, sandbox: Bank) -> None:
    wallet = await counter.wallet()
    reply = await counter.topup(wallet, 54_019)
    assert reply.result is not None
    await sandbox.days_go_by(3)
    reversed_ = await counter.becomes(reply.result["id"], "reversed")
    assert reversed_.receivable is None
    assert await counter.balance(wallet) == 0
    assert await counter.suspense() == 0


async def test_what_is_gone_when_it_is_reversed_is_owed_and_operators_see_it(counter: Counter, sandbox: Bank) -> None:
    wallet = await counter.wallet()
    reply = await counter.topup(wallet, AMOUNT)
    assert reply.result is not None
    topup = reply.result["id"]
    reverse = ReverseTopUp(topup_id=topup, reason="The bank called.")
    first = await counter.client.ask(reverse, OPERATOR)
    assert first.status == "succeeded", first
    assert first.result is not None
    assert first.result["status"] == "reversed"
    again = await counter.client.ask(reverse, OPERATOR)
    assert again.problem is not None
    assert again.problem.code == "not_reversible"
    assert await counter.balance(wallet) == 0
    listed = await counter.client.ask(ListReceivables(), OPERATOR, oversees=True)
    assert listed.result is not None
    assert listed.result["data"] == []
    [charge] = await sandbox.charges(topup)
    await sandbox.change(charge["id"], "reversed")
    await asyncio.sleep(0.3)
    assert await counter.balance(wallet) == 0
    assert await counter.suspense() == 0
