"""The ledger: wallets, holds and movements."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.ids import HoldId, Id, MovementId, OperationId, UserId, WalletId
from contracts.message import Command, Kind, Query, Refusal, Text, View
from contracts.money import Amount, Balance, Currency
from contracts.pages import Moment, PageOf

Label = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
WalletStatus = Literal["active", "frozen", "closed"]
SystemRole = Literal["clearing", "fees", "suspense"]
"""Accounts of the system's own that a leg may go to: each worker process has its own stripe of them."""

MovementKind = Literal[
    "transfer",
    "top_up",
    "top_up_reversal",
    "withdrawal",
    "withdrawal_reversal",
    "payment",
    "refund",
    "fee",
    "correction",
]


class BalanceView(View):
    """Minor units. `available = posted - held`."""

    posted: Balance
    held: Balance
    available: Balance


class WalletView(View):
    """A wallet: one account of the ledger in one currency."""

    id: WalletId
    currency: Currency
    label: str | None = None
    status: WalletStatus
    balance: BalanceView
    created_at: datetime


class MovementView(View):
    """One movement as one side of it sees it: `amount` is negative where money left."""

    id: MovementId
    kind: MovementKind
    amount: Balance
    currency: Currency
    balance_after: Balance
    counterparty: str | None = None
    operation_id: OperationId
    created_at: datetime


class HoldView(View):
    """Money set aside on `account_id` for one purpose; `remaining` minor units can still be captured.

    `recipient` owns the account that it is meant for.
    """

    id: HoldId
    account_id: WalletId
    amount: Balance
    remaining: Balance
    recipient: UserId | None = None
    status: Literal["open", "captured", "released", "expired"]


class OpenWallet(Command[WalletView]):
    """Open an empty wallet for the caller."""

    currency: Currency
    label: Label | None = None


class RenameWallet(Command[WalletView]):
    """Give the wallet another label, or none."""

    wallet_id: WalletId
    label: Label | None


class FreezeWallet(Command[WalletView]):
    """Nothing leaves a frozen wallet, nor is it sent to. What was frozen by an operator only an operator unfreezes."""

    wallet_id: WalletId


class UnfreezeWallet(Command[WalletView]):
    """The opposite of `FreezeWallet`. Raises `PermissionDenied` to an owner whose wallet an operator froze."""

    wallet_id: WalletId


class CloseWallet(Command[WalletView]):
    """Close an empty wallet for good. Raises `WalletNotEmpty` unless posted = held = 0, `WalletFrozen` as above."""

    wallet_id: WalletId


class GetWallet(Query[WalletView]):
    """One wallet with its balance."""

    wallet_id: WalletId


class ListWallets(PageOf[WalletView]):
    """The caller's wallets, newest first."""

    status: WalletStatus | None = None
    currency: Currency | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class ListMovements(PageOf[MovementView]):
    """A wallet's statement, newest first, in the order of the account's own numbering."""

    wallet_id: WalletId
    kind: MovementKind | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class InvariantView(View):
    """What is measured again and again: `value` must be zero."""

    invariant: str
    currency: Currency
    value: int


class FindingView(View):
    """One violation of `check`, by the account, movement, hold or currency `subject`."""

    check: str
    subject: str
    detail: str


class LedgerTotalView(View):
    """One currency's money in minor units: `wallets + system = 0`; `held` is part of `wallets`."""

    currency: Currency
    wallets: Balance
    held: Balance
    system: Balance
    suspense: Balance


class VerificationView(View):
    """A verification of the whole ledger, in one snapshot. `violations` counts all, `findings` names some."""

    id: Id
    sound: bool
    violations: dict[str, int]
    findings: list[FindingView]
    counts: dict[str, int]
    totals: list[LedgerTotalView]
    started_at: datetime
    finished_at: datetime


class LedgerVerificationView(View):
    """What is known of the ledger's soundness: the invariants that workers measure, and the newest whole verification.

    `sound` is None as long as nothing has been measured.
    """

    sound: bool | None
    measured_at: datetime | None
    invariants: list[InvariantView]
    verification: VerificationView | None


class GetLedgerVerification(Query[LedgerVerificationView]):
    """The newest results; nothing is computed for it."""


class VerifyLedger(Command[VerificationView]):
    """Verify all of the ledger: some twenty seconds for each million movements. Raises `VerificationRunning`."""

    slow = True


class AccountRef(View):
    """An account that was resolved or checked for a saga."""

    account_id: WalletId
    currency: Currency


class FindWallet(Command[AccountRef]):
    """The owner's oldest active wallet in a currency: where money sent to a person goes. Raises `NotFound`."""

    internal = True

    owner: UserId
    currency: Currency


class OpenSettlementWallet(Command[AccountRef]):
    """Open the wallet `wallet_id` for `owner`, to take a merchant's money. Harmless when it is there already."""

    internal = True

    wallet_id: WalletId
    owner: UserId
    currency: Currency
    label: Label


class CheckWallet(Command[AccountRef]):
    """Whether a wallet can receive, in this currency or (None) in whichever it has.

    Raises `NotFound` (unless it is `owner`'s), `WalletFrozen`, `WalletClosed`, `CurrencyMismatch`.
    """

    internal = True

    account_id: WalletId
    owner: UserId
    currency: Currency | None = None


class HistoryView(View):
    """Whether the ledger has an account of somebody's, whatever has happened on it."""

    known: bool


class FindHistory(Command[HistoryView]):
    """Whether the ledger knows somebody."""

    internal = True

    owner: UserId


class PlaceHold(Command[HoldView]):
    """Set money aside at `account_id` for captures that go to the wallet `to`; None: to the system's accounts only.

    Raises `NotFound` (source not `owner`'s, or no destination), `WalletFrozen`, `WalletClosed`, `CurrencyMismatch`,
    `SelfTransfer`, `InsufficientFunds`, `HoldReleased` (the release came first).
    """

    internal = True

    hold_id: HoldId
    account_id: WalletId
    owner: UserId
    to: WalletId | None = None
    amount: Amount
    currency: Currency


class Leg(View):
    """Where a part of a captured hold goes: to the wallet that the hold names, or to a `SystemRole` by its name.

    `fee` minor units of it are then the receiver's to pay to the system: two movements, so that the payer's statement
    shows what was paid, and the receiver's what that cost.
    """

    to: WalletId | SystemRole
    amount: Amount
    kind: MovementKind
    fee: Balance = 0


class SettleHold(Command[HoldView]):
    """Capture a hold into `legs`; `final` releases what remains. Destinations are checked here.

    Legs to system roles need the hold's `currency` too. Raises `NotFound`, `HoldCaptured`, `HoldReleased`,
    `HoldExceeded`; for a destination `WalletFrozen`, `WalletClosed`, `WalletBalanceLimit`.
    """

    internal = True

    hold_id: HoldId
    account_id: WalletId
    legs: list[Leg] = Field(min_length=1, max_length=8)
    final: bool = True
    currency: Currency | None = None


class ReleaseHold(Command[HoldView]):
    """Give a hold back. Harmless when repeated, and when it arrives before its hold (a tombstone stays).

    Raises `HoldCaptured`.
    """

    internal = True

    hold_id: HoldId
    account_id: WalletId


class PostingView(View):
    """A movement that was posted."""

    movement_id: MovementId
    account_id: WalletId


class PostRefund(Command[PostingView]):
    """Give money that a hold was settled with back: from `account_id` to `to`, in one step.

    `fee` minor units come back from the system first, so that what a payment left is enough to refund it. Raises
    `NotFound` (source not `owner`'s, or no destination), `InsufficientFunds`, `SelfTransfer`, `CurrencyMismatch`, and
    for either wallet `WalletFrozen`, `WalletClosed`.
    """

    internal = True

    account_id: WalletId
    owner: UserId
    to: WalletId
    amount: Amount
    currency: Currency
    fee: Balance = 0


class CreditWallet(Command[PostingView]):
    """Post money that arrived from a provider. Never refused: what a closed wallet can't take goes to suspense.

    `source` is where it was booked when it arrived: at suspense, if an operator had to look at it first.
    """

    internal = True

    account_id: WalletId
    amount: Amount
    currency: Currency
    kind: MovementKind
    source: SystemRole = "clearing"


class TakenView(View):
    """How much was taken from the wallet, and what its owner owes us since, in minor units."""

    taken: Balance
    receivable: Balance


class TakeBack(Command[TakenView]):
    """Take money back that a provider wants back. Never refused: what is gone from the wallet is owed by its owner."""

    internal = True

    account_id: WalletId
    amount: Amount
    currency: Currency
    kind: MovementKind


class MoveInternally(Command[PostingView]):
    """Move money between two of the system's own accounts."""

    internal = True

    debit: SystemRole
    credit: SystemRole
    amount: Amount
    currency: Currency
    kind: MovementKind


class ReceivableView(View):
    """What the owner of a wallet owes: money that was taken back when it was gone already."""

    wallet_id: WalletId
    currency: Currency
    amount: Amount
    since: datetime


class ListReceivables(PageOf[ReceivableView]):
    """Everything that is owed by anybody, newest first."""

    currency: Currency | None = None


class WalletFrozen(Refusal):
    """The wallet is frozen."""

    kind = Kind.FORBIDDEN
    detail = "The wallet is frozen."


class WalletClosed(Refusal):
    """The wallet is closed."""

    kind = Kind.FORBIDDEN
    detail = "The wallet is closed."


class VerificationRunning(Refusal):
    """One at a time: it reads all of the ledger."""

    kind = Kind.CONFLICT
    detail = "A verification of the whole ledger is running already."


class WalletNotEmpty(Refusal):
    """A wallet with money in it, or on hold, can't be closed."""

    kind = Kind.CONFLICT
    detail = "The wallet still holds money."


class InsufficientFunds(Refusal):
    """Less is available than was asked for."""

    kind = Kind.MONEY
    detail = "The wallet's available balance is too low."


class CurrencyMismatch(Refusal):
    """The wallet has another currency."""

    kind = Kind.INVALID
    detail = "The currency is not the wallet's."


class SelfTransfer(Refusal):
    """Source and destination are the same wallet."""

    kind = Kind.INVALID
    detail = "Source and destination are the same wallet."


class HoldReleased(Refusal):
    """The hold was released before this message came."""

    kind = Kind.CONFLICT
    detail = "The hold was released."


class HoldCaptured(Refusal):
    """The hold was captured; it can't be released any more."""

    kind = Kind.CONFLICT
    detail = "The hold was captured."


class HoldExceeded(Refusal):
    """More was to be captured than remains on hold."""

    kind = Kind.CONFLICT
    detail = "The hold is smaller than what was to be captured."


class WalletBalanceLimit(Refusal):
    """The movement would take the balance beyond what an account can hold."""

    kind = Kind.MONEY
    detail = "The wallet can't hold that much."
