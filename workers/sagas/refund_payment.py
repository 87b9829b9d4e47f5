"""The refund: captured money goes back from the merchant to its customer."""

from datetime import timedelta

from contracts.ids import PaymentId, RefundId, UserId, WalletId
from contracts.ledger import PostRefund
from contracts.message import Problem
from contracts.money import Amount, Balance, Currency
from contracts.payments import CompleteRefund, FailRefund, RefundRequested
from workers.runtime.saga import Saga, pivot, retriable


class RefundPayment(Saga):
    """Move the money from the settlement wallet to the customer's, once the fee's part is back in it; tell."""

    starts_on = RefundRequested
    deadline = timedelta(minutes=5)

    refund_id: RefundId
    payment_id: PaymentId
    owner: UserId
    settlement_wallet_id: WalletId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    fee: Balance

    @pivot
    def move(self) -> PostRefund:
        """Both movements or none: the ledger does it in one step, so there is nothing to hold and nothing to undo."""
        return PostRefund(
            account_id=self.settlement_wallet_id,
            owner=self.owner,
            to=self.wallet_id,
            amount=self.amount,
            currency=self.currency,
            fee=self.fee,
        )

    @retriable
    def complete(self) -> CompleteRefund:
        """Say that it is back."""
        return CompleteRefund(payment_id=self.payment_id, refund_id=self.refund_id)

    def on_failure(self, problem: Problem) -> FailRefund:
        """Say that it is not, and why."""
        return FailRefund(
            payment_id=self.payment_id, refund_id=self.refund_id, code=problem.code, detail=problem.detail
        )
