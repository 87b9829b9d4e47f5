"""The end of an authorisation that nobody captured, or not all of: voided by its merchant, or expired."""

from datetime import timedelta

from contracts import ids
from contracts.cards import UnspendOnCard
from contracts.ids import CardId, PaymentId, WalletId
from contracts.ledger import ReleaseHold
from contracts.message import Problem
from contracts.payments import CompleteRelease, Ending, FailRelease, ReleaseRequested
from workers.runtime.saga import Saga, pivot, retriable


class ReleasePayment(Saga):
    """Give back what is held, and to the card's limits what was spent if nothing was captured; tell."""

    starts_on = ReleaseRequested
    deadline = timedelta(minutes=5)

    payment_id: PaymentId
    wallet_id: WalletId
    spend_on: CardId | None
    ending: Ending

    @pivot
    def release(self) -> ReleaseHold:
        """Give it back. Nobody captures meanwhile: the payment is closed to that."""
        return ReleaseHold(hold_id=ids.sibling("hld", self.payment_id), account_id=self.wallet_id)

    @retriable
    def unspend(self) -> UnspendOnCard | None:
        """The customer has spent nothing after all."""
        if self.spend_on is None:
            return None
        return UnspendOnCard(spend_id=self.payment_id, card_id=self.spend_on)

    @retriable
    def complete(self) -> CompleteRelease:
        """Say that it is back."""
        return CompleteRelease(payment_id=self.payment_id)

    def on_failure(self, problem: Problem) -> FailRelease:
        """Say that it is not."""
        del problem
        return FailRelease(payment_id=self.payment_id)
