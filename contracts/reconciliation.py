"""Reconciliation: a provider's statement of a day, held against what we believe has happened there."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from contracts.callbacks import ProviderName
from contracts.ids import Id
from contracts.message import Command, Kind, Query, Reason, Refusal, View
from contracts.money import Amount, Currency
from contracts.pages import PageOf

LineType = Literal["charge", "payout", "charge_reversal", "payout_reversal"]
ItemKind = Literal["missing_here", "missing_there", "different"]
ItemStatus = Literal["open", "resolved", "settled"]
Day = Annotated[date, Field(description="A day in UTC, e.g. 2026-11-27")]


class ReconciliationView(View):
    """How a provider's day compares with our side, as of `compared_at`. `open` exceptions need a person."""

    id: Id
    provider: ProviderName
    date: Day
    matched: int
    missing_here: int
    missing_there: int
    different: int
    open: int
    compared_at: datetime


class ReconciliationItemView(View):
    """One exception. `ours` and `theirs` are in minor units; the side that has nothing is null.

    `settled` ones have cleared up by themselves, `resolved` ones were by an operator.
    """

    id: Id
    kind: ItemKind
    type: LineType
    reference: str
    provider_id: str | None
    ours: Amount | None
    ours_currency: Currency | None
    theirs: Amount | None
    theirs_currency: str | None
    status: ItemStatus
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolved_reason: str | None


class ReconciliationDetailsView(ReconciliationView):
    """With its exceptions: open ones first, a thousand at most."""

    items: list[ReconciliationItemView]


class Reconcile(Command[ReconciliationView]):
    """Compare a day now; again is the same comparison, made anew. Raises `DateInFuture`, `StatementUnavailable`."""

    slow = True

    date: Day
    provider: ProviderName = "sandbox"


class ReconcileDay(Command[ReconciliationView]):
    """The same, by the clock: what fails is tried again."""

    internal = True
    slow = True

    date: Day
    provider: ProviderName


class ResolveReconciliationItem(Command[ReconciliationItemView]):
    """An operator has dealt with an exception. Again is harmless. Raises `ItemSettled`."""

    reconciliation_id: Id
    item_id: Id
    reason: Reason


class ListReconciliations(PageOf[ReconciliationView]):
    """Reconciliations, the last compared first; `open` are those with exceptions that need a person."""

    provider: ProviderName | None = None
    open: bool | None = None


class GetReconciliation(Query[ReconciliationDetailsView]):
    """One reconciliation with its exceptions."""

    reconciliation_id: Id


class DateInFuture(Refusal):
    """There is no statement of it yet."""

    kind = Kind.INVALID
    detail = "This day has not begun yet (UTC)."


class ProviderUnknown(Refusal):
    """Nobody has this name."""

    kind = Kind.INVALID
    detail = "There is no provider of this name."


class StatementUnavailable(Refusal):
    """The provider does not give its statement now."""

    kind = Kind.UNAVAILABLE
    detail = "The provider's statement can't be had now. Please try again later."


class ItemSettled(Refusal):
    """It has cleared up by itself."""

    detail = "This exception has cleared up by itself."
