"""Every script of the sandbox, to the right final state: paid exactly once, or given back."""

import asyncio
from datetime import timedelta

import pytest

from contracts.withdrawals import CancelWithdrawal, Outcome, ResolveWithdrawal
from sandbox.scripts import SCRIPTS, SUCCEED
from tests.workers.bank import Bank
from tests.workers.withdrawals.conftest import FEE, FUNDS, OWNER, Window
from workers.withdrawals import terms

OPERATOR = "usr_operator"
AMOUNT = 5_000_000
PAID = [script.name for script in (SUCCEED, *SCRIPTS) if script.decline_code is None and not script.amount_off]
FAILED = [script.name for script in SCRIPTS if script.decline_code is not None]


@pytest.mark.parametrize("script", PAID)
async def test_what_the_bank_paid_has_left_once(window: Window, sandbox: Bank, script: str) -> None:
    wallet = await window.wallet()
    await sandbox.plan(script, kind="payout")
    withdrawal = await window.begin(wallet, AMOUNT)
    paid = await window.becomes(withdrawal, "paid")
    assert paid.completed_at is not None
    [payout] = await sandbox.payouts(withdrawal)
    assert (payout["status"], payout["amount"]) == ("succeeded", AMOUNT)
    assert await window.balance(wallet) == (FUNDS - AMOUNT - FEE, 0)
    assert await window.suspense() == 0


@pytest.mark.parametrize("script", FAILED)
async def test_what_the_bank_declined_is_given_back(window: Window, sandbox: Bank, script: str) -> None:
    wallet = await window.wallet()
    await sandbox.plan(script, kind="payout")
    withdrawal = await window.begin(wallet, AMOUNT)
    failed = await window.becomes(withdrawal, "failed")
    assert failed.failure is not None
    assert failed.failure.code == "declined"
    assert await window.balance(wallet) == (FUNDS, 0)
    assert await window.suspense() == 0


async def test_the_beneficiarys_account_may_choose_too(window: Window) -> None:
    wallet = await window.wallet()
    beneficiary = {"bank": "BCA", "account_number": "0000004006", "name": "Ani"}
    reply = await window.withdraw(wallet, AMOUNT, beneficiary=beneficiary)
    assert reply.problem is not None
    assert reply.problem.code == "declined"
    assert await window.balance(wallet) == (FUNDS, 0)


async def test_the_operation_ends_when_the_bank_has_accepted(window: Window, sandbox: Bank) -> None:
    wallet = await window.wallet()
    await sandbox.plan("delay", kind="payout")
    reply = await window.withdraw(wallet, AMOUNT)
    assert reply.status == "succeeded"
    assert reply.result is not None
    assert reply.result["status"] == "in_transit"
    assert await window.balance(wallet) == (FUNDS, AMOUNT + FEE)
    await window.becomes(reply.result["id"], "paid")


async def test_another_amount_than_was_told_is_an_operators_to_look_into(window: Window, sandbox: Bank) -> None:
    wallet = await window.wallet()
    await sandbox.plan("wrong_amount", kind="payout")
    await window.becomes(await window.begin(wallet, AMOUNT), "paid")
    assert await window.balance(wallet) == (FUNDS - AMOUNT - FEE, 0)
    assert await window.suspense() == 100


async def test_what_comes_back_days_later_is_in_the_wallet_again(window: Window, sandbox: Bank) -> None:
    wallet = await window.wallet()
    await sandbox.plan("reversal", kind="payout")
    withdrawal = await window.begin(wallet, AMOUNT)
    await window.becomes(withdrawal, "paid")
    await sandbox.days_go_by(3)
    returned = await window.becomes(withdrawal, "failed")
    assert returned.failure is not None
    assert returned.failure.code == "returned"
    assert await window.balance(wallet) == (FUNDS - FEE, 0)
    assert await window.suspense() == 0


async def test_what_is_not_there_is_never_submitted(window: Window, sandbox: Bank) -> None:
    wallet = await window.wallet(funds=AMOUNT)
    reply = await window.withdraw(wallet, AMOUNT)
    assert reply.problem is not None
    assert reply.problem.code == "insufficient_funds"
    theirs = await window.withdraw(wallet, 10_000, "usr_other")
    assert theirs.problem is not None
    assert theirs.problem.code == "not_found"
    assert (await sandbox.call("GET", "/v1/payouts"))["data"] == []


@pytest.mark.parametrize("sandbox", [{"delay_seconds": 3600}], indirect=True)
@pytest.mark.parametrize(
    ("outcome", "truth", "end", "left"),
    [
        ("failed", "succeeded", "paid", {FUNDS - AMOUNT, FUNDS - AMOUNT - FEE}),
        ("paid", "declined", "failed", {FUNDS, FUNDS - FEE}),
    ],
)
async def test_an_operator_races_the_bank_and_the_bank_is_right_in_the_end(
    window: Window, sandbox: Bank, outcome: Outcome, truth: str, end: str, left: set[int]
) -> None:
    """Whoever comes first, whatever is clicked how often: the books end where the money is."""
    wallet = await window.wallet()
    await sandbox.plan("timeout_then_succeed", kind="payout")
    withdrawal = await window.begin(wallet, AMOUNT)
    await window.becomes(withdrawal, "unknown", "in_transit")
    [payout] = await sandbox.payouts(withdrawal)
    resolve = ResolveWithdrawal(withdrawal_id=withdrawal, outcome=outcome, reason="The bank said so.")
    clicks = [window.client.ask(resolve, OPERATOR) for _ in range(3)]
    replies = await asyncio.gather(*clicks, sandbox.change(payout["id"], truth))
    refusals = {reply.problem.code for reply in replies if reply is not None and reply.problem}
    assert refusals <= {"not_unresolved", "already_resolved"}
    await window.becomes(withdrawal, end)
    posted, held = await window.balance(wallet)
    assert (posted in left, held) == (True, 0)
    assert await window.suspense() == 0


async def test_what_has_not_gone_to_the_bank_is_canceled_for_good(window: Window, sandbox: Bank) -> None:
    wallet = await window.wallet()
    terms.use(3600, {})
    try:
        withdrawal = await window.begin(wallet, AMOUNT)
        await window.becomes(withdrawal, "pending")
        assert timedelta() <= await window.waits(withdrawal) - timedelta(hours=1) < timedelta(seconds=1)
        cancel = CancelWithdrawal(withdrawal_id=withdrawal)
        strange = await window.client.ask(cancel, "usr_other")
        assert strange.problem is not None
        assert strange.problem.code == "not_found"
        replies = await asyncio.gather(*(window.client.ask(cancel, OWNER) for _ in range(3)))
        assert {reply.result and reply.result["status"] for reply in replies} == {"canceled"}
        await window.has(wallet, (FUNDS, 0))
    finally:
        terms.use(0, {})
    assert await window.trail(withdrawal) == [(OWNER, "canceled")]
    assert await sandbox.payouts(withdrawal) == []
    assert await window.suspense() == 0


async def test_what_has_gone_to_the_bank_is_too_late_to_cancel(window: Window, sandbox: Bank) -> None:
    wallet = await window.wallet()
    await sandbox.plan("delay", kind="payout")
    reply = await window.withdraw(wallet, AMOUNT)
    assert reply.result is not None
    refused = await window.client.ask(CancelWithdrawal(withdrawal_id=reply.result["id"]), OWNER)
    assert refused.problem is not None
    assert refused.problem.code == "cancel_too_late"


async def test_no_more_than_a_day_allows(window: Window) -> None:
    wallet = await window.wallet()
    terms.use(0, {"IDR": AMOUNT})
    try:
        first = await window.withdraw(wallet, AMOUNT)
        second = await window.withdraw(wallet, 10_000)
    finally:
        terms.use(0, {})
    assert first.status == "succeeded"
    assert second.problem is not None
    assert second.problem.code == "limit_exceeded"


@pytest.mark.parametrize("window", [{"provider_schedule_seconds": [3600], "saga_resend_seconds": 3600}], indirect=True)
async def test_what_the_bank_says_by_itself_is_not_waited_for_by_the_schedule(window: Window, sandbox: Bank) -> None:
    wallet = await window.wallet()
    await sandbox.plan("delay", kind="payout")
    await window.becomes(await window.begin(wallet, AMOUNT), "paid")
    await sandbox.plan("timeout_then_decline", kind="payout")
    await window.becomes(await window.begin(wallet, AMOUNT), "failed")
    assert await window.balance(wallet) == (FUNDS - AMOUNT - FEE, 0)
