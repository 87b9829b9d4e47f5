"""A top-up whose end turns out to be another one: charged back, or charged after all."""

from datetime import timedelta
from typing import Literal, Self

from contracts.ids import TopUpId, WalletId
from contracts.ledger import CreditWallet, MoveInternally, PostingView, TakeBack, TakenView
from contracts.money import Amount, Balance, Currency
from contracts.topups import CorrectTopUp, TopUpContradicted
from workers.runtime.saga import Saga, retriable


class CorrectTopUpBooks(Saga):
    """Take the money back or give it, tell. There is no way back: it has happened elsewhere already."""

    starts_on = TopUpContradicted
    deadline = timedelta(minutes=5)

    topup_id: TopUpId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    to: Literal["succeeded", "reversed"]
    parked: bool = False
    receivable: Balance = 0

    @retriable
    def unpark(self) -> MoveInternally | None:
        """What no wallet got is still at suspense."""
        if self.to != "reversed" or not self.parked:
            return None
        return MoveInternally(
            debit="suspense", credit="clearing", amount=self.amount, currency=self.currency, kind="top_up_reversal"
        )

    @retriable
    def take(self) -> TakeBack | None:
        """What is gone is owed."""
        if self.to != "reversed" or self.parked:
            return None
        return TakeBack(account_id=self.wallet_id, amount=self.amount, currency=self.currency, kind="top_up_reversal")

    @take.learns
    def taken(self, taken: TakenView) -> Self:
        """How much that is."""
        return self.model_copy(update={"receivable": taken.receivable})

    @retriable
    def give(self) -> CreditWallet | None:
        """It was charged after all."""
        if self.to != "succeeded":
            return None
        return CreditWallet(account_id=self.wallet_id, amount=self.amount, currency=self.currency, kind="top_up")

    @give.learns
    def given(self, posting: PostingView) -> Self:
        """A wallet that was closed meanwhile did not get it."""
        return self.model_copy(update={"parked": posting.account_id != self.wallet_id})

    @retriable
    def complete(self) -> CorrectTopUp:
        """Say so."""
        return CorrectTopUp(
            topup_id=self.topup_id,
            to=self.to,
            receivable=self.receivable,
            amount=self.amount,
            parked=self.parked and self.to == "succeeded",
        )
