"""The capture of an authorised payment, or of a part of it."""

from datetime import timedelta

from contracts import ids
from contracts.ids import CaptureId, MerchantId, PaymentId, WalletId
from contracts.ledger import Leg, SettleHold
from contracts.merchants import CheckMerchant
from contracts.message import Problem
from contracts.money import Amount, Balance, Currency
from contracts.payments import CaptureRequested, CompleteCapture, FailCapture
from workers.runtime.saga import Saga, compensatable, pivot, retriable


class CapturePayment(Saga):
    """Check the merchant, settle what was reserved of the hold, tell."""

    starts_on = CaptureRequested
    deadline = timedelta(minutes=5)

    capture_id: CaptureId
    payment_id: PaymentId
    merchant_id: MerchantId
    wallet_id: WalletId
    settlement_wallet_id: WalletId
    amount: Amount
    currency: Currency
    fee: Balance
    final: bool

    @compensatable
    def check_merchant(self) -> CheckMerchant:
        """A merchant that was suspended takes no more money. There is nothing to undo."""
        return CheckMerchant(merchant_id=self.merchant_id, currency=self.currency)

    @pivot
    def settle(self) -> SettleHold:
        """Move it; a final capture gives the customer back what it leaves."""
        return SettleHold(
            hold_id=ids.sibling("hld", self.payment_id),
            account_id=self.wallet_id,
            currency=self.currency,
            legs=[Leg(to=self.settlement_wallet_id, amount=self.amount, kind="payment", fee=self.fee)],
            final=self.final,
        )

    @retriable
    def complete(self) -> CompleteCapture:
        """Say that it has moved."""
        return CompleteCapture(payment_id=self.payment_id, capture_id=self.capture_id)

    def on_failure(self, problem: Problem) -> FailCapture:
        """Say that it has not, and why."""
        return FailCapture(
            payment_id=self.payment_id, capture_id=self.capture_id, code=problem.code, detail=problem.detail
        )
