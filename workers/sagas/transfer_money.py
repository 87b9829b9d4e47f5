"""The transfer, from the request to the money's arrival."""

from datetime import timedelta
from typing import Self

from contracts import ids
from contracts.identity import FindUserByEmail, UserRef
from contracts.ids import HoldId, TransferId, UserId, WalletId
from contracts.ledger import AccountRef, FindWallet, HoldView, Leg, PlaceHold, ReleaseHold, SettleHold
from contracts.message import Problem
from contracts.money import Amount, Currency
from contracts.transfers import CompleteTransfer, FailTransfer, TransferRequested
from workers.runtime.saga import Saga, compensatable, pivot, retriable


class TransferMoney(Saga):
    """Find the receiver, hold at the source, settle to the destination, tell."""

    starts_on = TransferRequested
    deadline = timedelta(minutes=5)

    transfer_id: TransferId
    sender: UserId
    source: WalletId
    destination: WalletId | None
    email: str | None
    amount: Amount
    currency: Currency
    recipient: UserId | None = None

    @compensatable
    def find_recipient(self) -> FindUserByEmail | None:
        """Only for money that is sent to an e-mail address."""
        return None if self.email is None else FindUserByEmail(email=self.email)

    @find_recipient.learns
    def found_recipient(self, user: UserRef) -> Self:
        """Who it is."""
        return self.model_copy(update={"recipient": user.user_id})

    @compensatable
    def find_wallet(self) -> FindWallet | None:
        """Likewise: their wallet in this currency."""
        if self.email is None or self.recipient is None:
            return None
        return FindWallet(owner=self.recipient, currency=self.currency)

    @find_wallet.learns
    def found_wallet(self, account: AccountRef) -> Self:
        """Where the money goes."""
        return self.model_copy(update={"destination": account.account_id})

    @compensatable
    def hold(self) -> PlaceHold:
        """Set the money aside; the ledger checks both wallets."""
        return PlaceHold(
            hold_id=self.hold_id,
            account_id=self.source,
            owner=self.sender,
            to=self.to,
            amount=self.amount,
            currency=self.currency,
        )

    @hold.undo
    def release(self) -> ReleaseHold:
        """Give it back."""
        return ReleaseHold(hold_id=self.hold_id, account_id=self.source)

    @hold.learns
    def held(self, hold: HoldView) -> Self:
        """Whose wallet the money goes to."""
        return self.model_copy(update={"recipient": hold.recipient})

    @pivot
    def settle(self) -> SettleHold:
        """Move it: from here on there is no way back."""
        leg = Leg(to=self.to, amount=self.amount, kind="transfer")
        return SettleHold(hold_id=self.hold_id, account_id=self.source, legs=[leg])

    @retriable
    def complete(self) -> CompleteTransfer:
        """Say that it has moved."""
        return CompleteTransfer(transfer_id=self.transfer_id, destination=self.to, recipient=self.recipient)

    def on_failure(self, problem: Problem) -> FailTransfer:
        """Say that it has not, and why."""
        return FailTransfer(transfer_id=self.transfer_id, code=problem.code, detail=problem.detail)

    @property
    def hold_id(self) -> HoldId:
        """The transfer's only hold."""
        return ids.sibling("hld", self.transfer_id)

    @property
    def to(self) -> WalletId:
        """The destination, which is known once there is something to hold for."""
        assert self.destination is not None, "money is held before its destination is known"
        return self.destination
