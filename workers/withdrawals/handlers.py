"""What can be done with withdrawals."""

import math
from datetime import timedelta

from contracts import ids
from contracts.message import NotFound, NotYet, OutcomeUnknown, Refusal
from contracts.moving import Declined
from contracts.withdrawals import (
    BeginPayout,
    CancelWithdrawal,
    CompleteWithdrawal,
    ConfirmPayout,
    CorrectWithdrawal,
    FailWithdrawal,
    PayoutEndView,
    RequestWithdrawal,
    ResolveWithdrawal,
    SubmitPayout,
    WithdrawalView,
)
from workers.provider import routing
from workers.provider.asking import Said
from workers.runtime.handlers import Handlers
from workers.runtime.needs import rows
from workers.runtime.orchestrator import nudge
from workers.runtime.unit_of_work import UnitOfWork
from workers.sagas.correct_withdrawal import CorrectWithdrawalBooks
from workers.sagas.withdraw_money import WithdrawMoney
from workers.withdrawals import paying, terms
from workers.withdrawals.rules import Withdrawal
from workers.withdrawals.totals import Total

__all__ = ["CorrectWithdrawalBooks", "handlers"]

handlers = Handlers("withdrawals")


@handlers.command(
    RequestWithdrawal,
    needs_more=lambda c, caller, _: [rows(Total, Total.key(caller.principal, c.currency))],
    finished_by=WithdrawMoney,
)
def request_withdrawal(command: RequestWithdrawal, uow: UnitOfWork) -> WithdrawalView:
    """Record the intent; the `WithdrawMoney` saga pays. Raises `AmountOutOfRange`, `LimitExceeded`."""
    provider = routing.provider_of(terms.METHOD)
    withdrawal = Withdrawal.request(command, by=uow.caller, at=uow.now, key=uow.id("wdr"), provider=provider)
    _count(uow, withdrawal)
    uow.add(withdrawal)
    uow.emit(withdrawal.requested())
    return withdrawal.view()


@handlers.command(CancelWithdrawal, needs=lambda c: [rows(Withdrawal, c.withdrawal_id)])
def cancel_withdrawal(command: CancelWithdrawal, uow: UnitOfWork) -> WithdrawalView:
    """Call it back. Raises `NotFound`, `CancelTooLate`."""
    withdrawal = uow.get(Withdrawal, command.withdrawal_id)
    if not uow.caller.owns(withdrawal.owner):
        raise NotFound
    canceled = withdrawal.cancel(at=uow.now)
    if canceled is not withdrawal:
        uow.save(canceled)
        uow.audit(withdrawal.id, before=withdrawal.audited(), after=canceled.audited())
        uow.emit(canceled.ended())
        _nudge(uow, canceled)
    return canceled.view()


@handlers.command(BeginPayout, needs=lambda c: [rows(Withdrawal, c.withdrawal_id)])
def begin_payout(command: BeginPayout, uow: UnitOfWork) -> WithdrawalView | Refusal:
    """The end of its owner's time to think better. Raises `Canceled`."""
    withdrawal = uow.get(Withdrawal, command.withdrawal_id)
    left = withdrawal.created_at + terms.policy.grace - uow.now
    if left > timedelta() and withdrawal.status == "pending":
        uow.save(withdrawal.waits_for_grace(uow.envelope.saga))
        return NotYet(retry_after_seconds=math.ceil(left.total_seconds()))
    begun = withdrawal.begin(command.wallet_id, at=uow.now)
    uow.save(begun)
    return begun.view()


@handlers.command(SubmitPayout, needs=lambda c: [rows(Withdrawal, c.withdrawal_id)], prepare=paying.ask_to_pay)
def submit_payout(command: SubmitPayout, uow: UnitOfWork) -> WithdrawalView | Refusal:
    """Keep what the provider said. `Declined`, `NotYet` and `OutcomeUnknown` leave it behind, too."""
    withdrawal, said = _heard(uow, command.withdrawal_id)
    if withdrawal.heard is None:
        withdrawal = withdrawal.waiting()
        uow.save(withdrawal)
        unclear = OutcomeUnknown if withdrawal.status == "unknown" else NotYet
        return unclear(retry_after_seconds=said.wait_seconds(withdrawal.asks))
    if withdrawal.heard in ("declined", "reversed"):
        uow.save(withdrawal)
        return Declined(withdrawal.reason)
    withdrawal = withdrawal.taken_on()
    uow.save(withdrawal)
    return withdrawal.view()


@handlers.command(ConfirmPayout, needs=lambda c: [rows(Withdrawal, c.withdrawal_id)], prepare=paying.ask_for_the_end)
def confirm_payout(command: ConfirmPayout, uow: UnitOfWork) -> PayoutEndView | Refusal:
    """Whether it was paid. `NotYet` leaves behind what is known."""
    withdrawal, said = _heard(uow, command.withdrawal_id)
    uow.save(withdrawal)
    if not withdrawal.is_answered:
        return NotYet(retry_after_seconds=said.wait_seconds(withdrawal.asks))
    paid = withdrawal.heard == "succeeded"
    return PayoutEndView(paid=paid, amount=withdrawal.paid or withdrawal.amount)


@handlers.command(ResolveWithdrawal, needs=lambda c: [rows(Withdrawal, c.withdrawal_id)])
def resolve_withdrawal(command: ResolveWithdrawal, uow: UnitOfWork) -> WithdrawalView:
    """An operator's word counts like the provider's. Raises `NotFound`, `NotUnresolved`, `AlreadyResolved`."""
    withdrawal = uow.get(Withdrawal, command.withdrawal_id)
    resolved = withdrawal.resolve(command.outcome)
    if resolved is not withdrawal:
        uow.save(resolved)
        uow.audit(withdrawal.id, before=withdrawal.audited(), after=resolved.audited(), reason=command.reason)
        _nudge(uow, resolved)
    return resolved.view()


@handlers.command(CompleteWithdrawal, needs=lambda c: [rows(Withdrawal, c.withdrawal_id)])
def complete_withdrawal(command: CompleteWithdrawal, uow: UnitOfWork) -> WithdrawalView:
    """The bank has it: say so."""
    withdrawal = uow.get(Withdrawal, command.withdrawal_id)
    return _end(uow, withdrawal, withdrawal.complete(at=uow.now))


@handlers.command(
    FailWithdrawal,
    needs=lambda c: [rows(Withdrawal, c.withdrawal_id), rows(Total, Total.key(c.owner, c.currency))],
)
def fail_withdrawal(command: FailWithdrawal, uow: UnitOfWork) -> WithdrawalView:
    """Nothing was paid: say so, and why; nor does it count."""
    withdrawal = uow.get(Withdrawal, command.withdrawal_id)
    total = uow.find(Total, Total.key(command.owner, command.currency))
    if total is not None and withdrawal.status != "failed":
        uow.save(total.minus(withdrawal.amount, of=withdrawal.created_at.date()))
    return _end(uow, withdrawal, withdrawal.fail(command, at=uow.now))


@handlers.command(CorrectWithdrawal, needs=lambda c: [rows(Withdrawal, c.withdrawal_id)])
def correct_withdrawal(command: CorrectWithdrawal, uow: UnitOfWork) -> WithdrawalView:
    """The books have followed: say so."""
    withdrawal = uow.get(Withdrawal, command.withdrawal_id)
    return _end(uow, withdrawal, withdrawal.corrected(command.to, command.receivable, at=uow.now))


def follow(uow: UnitOfWork, withdrawal: Withdrawal) -> Withdrawal:
    """Let the books follow what was heard, as a part of the withdrawal's own operation."""
    to = withdrawal.correction
    if to is None or withdrawal.wallet_id is None:
        return withdrawal
    uow.emit(withdrawal.contradicted(to), operation=ids.sibling("op", withdrawal.id))
    return withdrawal.correcting(to)


def _end(uow: UnitOfWork, before: Withdrawal, after: Withdrawal) -> WithdrawalView:
    if after is not before:
        uow.emit(after.ended())
        uow.save(follow(uow, after))
    return after.view()


def _heard(uow: UnitOfWork, key: str) -> tuple[Withdrawal, Said]:
    said: Said = uow.prepared
    withdrawal = uow.get(Withdrawal, key).asked(uow.envelope.saga, counts=said.asked)
    return (withdrawal if said.word is None else withdrawal.hear(said.word)), said


def _count(uow: UnitOfWork, withdrawal: Withdrawal) -> None:
    key, today = Total.key(withdrawal.owner, withdrawal.currency), uow.now.date()
    found = uow.find(Total, key)
    total = (found or Total(key, today, 0)).plus(withdrawal.amount, withdrawal.currency, on=today)
    if found is None:
        uow.add(total)
    else:
        uow.save(total)


def _nudge(uow: UnitOfWork, withdrawal: Withdrawal) -> None:
    if withdrawal.saga_id is not None:
        nudge(uow, "withdrawals", withdrawal.saga_id)
