"""The transfer, from the request to the money's arrival."""

from datetime import timedelta
from typing import Self

from contracts import ids
from contracts.cards import CardRef, ResolveCard
from contracts.identity import FindUserByEmail, UserRef
from contracts.ids import CardId, HoldId, TransferId, UserId, WalletId
from contracts.ledger import AccountRef, FindWallet, HoldView, Leg, PlaceHold, ReleaseHold, SettleHold
from contracts.message import Problem
from contracts.money import Amount, Currency
from contracts.transfers import CompleteTransfer, FailTransfer, TransferRequested
from workers.runtime.saga import Saga, compensatable, pivot, retriable


class TransferMoney(Saga):
    """Find the cards' wallets and the receiver, hold at the source, settle to the destination, tell."""

    starts_on = TransferRequested
    deadline = timedelta(minutes=5)

    transfer_id: TransferId
    sender: UserId
    source: WalletId | None
    destination: WalletId | None
    email: str | None
    amount: Amount
    currency: Currency
    source_card: CardId | None = None
    destination_card: CardId | None = None
    recipient: UserId | None = None

    @compensatable
    def resolve_source(self) -> ResolveCard | None:
        """Only for money that comes from a card, which must be the sender's own."""
        return None if self.source_card is None else ResolveCard(card_id=self.source_card, owner=self.sender)

    @resolve_source.learns
    def resolved_source(self, card: CardRef) -> Self:
        """Its wallet."""
        return self.model_copy(update={"source": card.wallet_id})

    @compensatable
    def resolve_destination(self) -> ResolveCard | None:
        """Only for money that goes to a card, whosever it is."""
        return None if self.destination_card is None else ResolveCard(card_id=self.destination_card)

    @resolve_destination.learns
    def resolved_destination(self, card: CardRef) -> Self:
        """Likewise."""
        return self.model_copy(update={"destination": card.wallet_id})

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
            account_id=self.origin,
            owner=self.sender,
            to=self.to,
            amount=self.amount,
            currency=self.currency,
        )

    @hold.undo
    def release(self) -> ReleaseHold:
        """Give it back."""
        return ReleaseHold(hold_id=self.hold_id, account_id=self.origin)

    @hold.learns
    def held(self, hold: HoldView) -> Self:
        """Whose wallet the money goes to."""
        return self.model_copy(update={"recipient": hold.recipient})

    @pivot
    def settle(self) -> SettleHold:
        """Move it: from here on there is no way back."""
        leg = Leg(to=self.to, amount=self.amount, kind="transfer")
        return SettleHold(hold_id=self.hold_id, account_id=self.origin, legs=[leg])

    @retriable
    def complete(self) -> CompleteTransfer:
        """Say that it has moved."""
        return CompleteTransfer(
            transfer_id=self.transfer_id, source=self.origin, destination=self.to, recipient=self.recipient
        )

    def on_failure(self, problem: Problem) -> FailTransfer:
        """Say that it has not, and why."""
        return FailTransfer(transfer_id=self.transfer_id, code=problem.code, detail=problem.detail)

    @property
    def hold_id(self) -> HoldId:
        """The transfer's only hold."""
        return ids.sibling("hld", self.transfer_id)

    @property
    def origin(self) -> WalletId:
        """The source, likewise as `to`."""
        assert self.source is not None, "money is held before its source is known"
        return self.source

    @property
    def to(self) -> WalletId:
        """The destination, which is known once there is something to hold for."""
        assert self.destination is not None, "money is held before its destination is known"
        return self.destination
