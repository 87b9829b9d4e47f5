"""Sagas tested as they are specified: given an event, expect a command, reply or refuse, to the end."""

from collections.abc import Callable
from typing import Any, Self

from contracts.cards import CardRef, CardSpendView, ResolveCard, SpendOnCard
from contracts.identity import FindUserByEmail, UserRef
from contracts.ledger import (
    AccountRef,
    CheckWallet,
    CreditWallet,
    FindWallet,
    HoldView,
    PlaceHold,
    PostingView,
    ReleaseHold,
    SettleHold,
)
from contracts.merchants import CheckMerchant, MerchantTerms
from contracts.message import Command, Event, Refusal
from contracts.topups import ChargeTopUp, ChargeView
from workers.runtime.saga import OPEN, Phase, Progress, Saga

PLAUSIBLE: dict[type[Command[Any]], Callable[[Any], Any]] = {
    ResolveCard: lambda c: CardRef(
        card_id=c.card_id, wallet_id=f"wal_of_{c.card_id}", owner=c.owner or "usr_receiver", brand="visa", last4="0002"
    ),
    FindUserByEmail: lambda _: UserRef(user_id="usr_receiver"),
    FindWallet: lambda c: AccountRef(account_id="wal_found", currency=c.currency),
    CheckWallet: lambda c: AccountRef(account_id=c.account_id, currency=c.currency or "IDR"),
    PlaceHold: lambda c: _hold(c, "open", amount=c.amount, remaining=c.amount),
    SettleHold: lambda c: _hold(c, "captured", amount=sum(leg.amount for leg in c.legs)),
    ReleaseHold: lambda c: _hold(c, "released"),
    CreditWallet: lambda c: PostingView(movement_id="mov_1", account_id=c.account_id),
    ChargeTopUp: lambda _: ChargeView(provider_id="chg_1"),
    CheckMerchant: lambda c: MerchantTerms(
        merchant_id=c.merchant_id,
        name="Shop",
        owner="usr_owner",
        currency=c.currency,
        settlement_wallet_id="wal_shop",
        fee_fixed=10,
        fee_basis_points=250,
    ),
    SpendOnCard: lambda c: CardSpendView(
        card_id=c.card_id or "crd_of_token",
        wallet_id="wal_customer",
        owner="usr_customer",
        brand="visa",
        last4="4242",
    ),
}
"""A likely answer to each command, for steps that learn from it; the others may be answered with anything."""


def _hold(command: Any, status: Any, *, amount: int = 0, remaining: int = 0) -> HoldView:
    return HoldView(
        id=command.hold_id,
        account_id=command.account_id,
        amount=amount,
        remaining=remaining,
        recipient="usr_receiver",
        status=status,
    )


class Story:
    """One run of a saga. Between any two sentences its state goes through JSON, as through the database."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._asked: set[str] = set()
        self._heard = True

    def expect(self, kind: type[Command[Any]], /, **fields: Any) -> Self:
        """The outstanding command is a `kind` with these fields, and a new question."""
        assert self._heard, "answer the last command first"
        command, name = self._command(), self._progress.awaited
        assert isinstance(command, kind), f"expected {kind.__name__}, not {command!r}"
        assert name is not None
        assert name not in self._asked, f"{name} was asked before: its answer is on record already"
        said = {field: getattr(command, field) for field in fields}
        assert said == fields
        self._asked.add(name)
        self._heard = False
        return self

    def reply(self, view: Any = None) -> Self:
        """It was done, with this answer or a plausible one."""
        command = self._command()
        if view is None and type(command) in PLAUSIBLE:
            view = PLAUSIBLE[type(command)](command)
        return self._to(self._progress.succeeded(view))

    def refuse(self, refusal: Refusal) -> Self:
        """It was refused."""
        return self._to(self._progress.refused(refusal.problem()))

    def deadline(self) -> Self:
        """The deadline passes while the command is outstanding."""
        return self._to(self._progress.overdue())

    def still(self) -> Self:
        """Nothing has changed: the same command is outstanding, under the same name."""
        assert self._progress.awaited in self._asked
        self._heard = False
        return self

    def ends(self, phase: Phase | None = None) -> None:
        """Nothing is outstanding, for good."""
        expected = {phase} if phase else {Phase.COMPLETED, Phase.FAILED}
        assert self._progress.phase in expected, f"it is {self._progress.phase}"
        assert self._progress.phase not in OPEN
        assert self._progress.awaited is None
        assert self._progress.command() is None

    def _command(self) -> Command[Any]:
        command = self._progress.command()
        assert command is not None, f"nothing is outstanding: it is {self._progress.phase}"
        assert command == self._progress.command(), "the same state must say the same command"
        assert type(command).model_validate_json(command.model_dump_json()) == command
        return command

    def _to(self, progress: Progress) -> Self:
        saga = type(progress.saga).model_validate_json(progress.saga.model_dump_json())
        assert saga == progress.saga, "a saga's state must survive the database"
        self._progress = progress._replace(saga=saga)
        self._heard = True
        return self


def given(saga: type[Saga], event: Event) -> Story:
    """A saga that this event has started."""
    assert isinstance(event, saga.starts_on)
    return Story(Progress(saga.begin(event)).start())
