"""What can be done about a provider's statement, and what reconciliation hears of our own side."""

from collections.abc import Iterable
from typing import Any

from contracts.envelope import Caller
from contracts.message import NotFound
from contracts.reconciliation import (
    LineType,
    Reconcile,
    ReconcileDay,
    ReconciliationItemView,
    ReconciliationView,
    ResolveReconciliationItem,
)
from contracts.topups import TopUpReversed, TopUpSucceeded, TopUpView
from contracts.withdrawals import WithdrawalFailed, WithdrawalPaid, WithdrawalView
from workers.reconciliation import comparing, rules
from workers.reconciliation.comparing import Prepared
from workers.reconciliation.rules import Entry, Item, Run
from workers.runtime.handlers import Handlers
from workers.runtime.needs import Need, rows
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("reconciliation")


def touched(_command: Any, _caller: Caller | None, prepared: Prepared) -> Iterable[Need]:
    """The day's row, and the exceptions that a comparison finds or clears up."""
    return [rows(Run, prepared.run.id), rows(Item, *prepared.touched)]


@handlers.command(Reconcile, prepare=comparing.asked, needs_more=touched)
def reconcile(_command: Reconcile, uow: UnitOfWork) -> ReconciliationView:
    """Keep what was found. Raises `DateInFuture`, `ProviderUnknown`, `StatementUnavailable`."""
    view = _keep(uow.prepared, uow)
    uow.audit(view.id, after=view)
    return view


@handlers.command(ReconcileDay, prepare=comparing.prepared, needs_more=touched)
def reconcile_day(_command: ReconcileDay, uow: UnitOfWork) -> ReconciliationView:
    """Likewise, on nobody's behalf."""
    return _keep(uow.prepared, uow)


@handlers.command(ResolveReconciliationItem, needs=lambda c: [rows(Item, c.item_id)])
def resolve_item(command: ResolveReconciliationItem, uow: UnitOfWork) -> ReconciliationItemView:
    """Write down who dealt with it and why. Raises `ItemSettled`."""
    item = uow.get(Item, command.item_id)
    if item.run_id != command.reconciliation_id:
        raise NotFound
    resolved = item.resolve(by=uow.caller.principal, reason=command.reason, at=uow.now)
    if resolved is not item:
        uow.save(resolved)
        uow.audit(item.id, before=item.view(), after=resolved.view(), reason=command.reason)
    return resolved.view()


@handlers.reaction(TopUpSucceeded, needs=lambda e: [rows(Entry, rules.entry_id(("charge", e.topup.id)))])
def top_up_succeeded(event: TopUpSucceeded, uow: UnitOfWork) -> None:
    """We believe that the provider has charged."""
    _believe("charge", event.topup, event.provider, uow)


@handlers.reaction(TopUpReversed, needs=lambda e: [rows(Entry, rules.entry_id(("charge_reversal", e.topup.id)))])
def top_up_reversed(event: TopUpReversed, uow: UnitOfWork) -> None:
    """We believe that the provider has taken a charge back."""
    _believe("charge_reversal", event.topup, event.provider, uow)


@handlers.reaction(WithdrawalPaid, needs=lambda e: [rows(Entry, rules.entry_id(("payout", e.withdrawal.id)))])
def withdrawal_paid(event: WithdrawalPaid, uow: UnitOfWork) -> None:
    """We believe that the provider has paid."""
    _believe("payout", event.withdrawal, event.provider, uow)


@handlers.reaction(
    WithdrawalFailed, needs=lambda e: [rows(Entry, rules.entry_id(("payout_reversal", e.withdrawal.id)))]
)
def withdrawal_failed(event: WithdrawalFailed, uow: UnitOfWork) -> None:
    """We believe that a payout has come back, if it had been paid; else nothing was."""
    failure = event.withdrawal.failure
    if failure is not None and failure.code == "returned":
        _believe("payout_reversal", event.withdrawal, event.provider, uow)


def _believe(kind: LineType, thing: TopUpView | WithdrawalView, provider: str, uow: UnitOfWork) -> None:
    key = rules.entry_id((kind, thing.id))
    at = thing.completed_at or uow.now
    received = thing.amount_received if isinstance(thing, TopUpView) else None
    amount = thing.amount if received is None else received
    if uow.find(Entry, key) is None:
        uow.add(Entry(key, kind, thing.id, amount, thing.currency, at.date(), at, provider))


def _keep(prepared: Prepared, uow: UnitOfWork) -> ReconciliationView:
    run, before = prepared.run, uow.find(Run, prepared.run.id)
    if before is not None and before.compared_at > run.compared_at:
        # Somebody has compared with a newer statement meanwhile.
        return before.view(_count_open(prepared, uow))
    uow.add(run) if before is None else uow.save(run)
    for gap in prepared.found.exceptions:
        new = Item.of(run, gap, uow.now)
        known = uow.find(Item, new.id)
        if known is None:
            uow.add(new)
        elif (seen := known.found_again(new)) is not known:
            uow.save(seen)
    for key in sorted(prepared.clears):
        item = uow.get(Item, key)
        if (settled := item.settled(uow.now)) is not item:
            uow.save(settled)
    return run.view(_count_open(prepared, uow))


def _count_open(prepared: Prepared, uow: UnitOfWork) -> int:
    found = [uow.find(Item, key) for key in set(prepared.touched)]
    return sum(one is not None and one.run_id == prepared.run.id and one.status == "open" for one in found)
