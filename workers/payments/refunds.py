"""One refund of a captured payment: it ends once, and only its own money goes back with it."""

from datetime import datetime
from typing import NamedTuple

from contracts.operations import FailureView
from contracts.payments import FailRefund, RefundRequested, RefundStatus, RefundView, RequestRefund
from workers.payments.rules import Payment


class Refund(NamedTuple):
    """One row of `payments.refunds`. `amount`, and the `fee` that comes back with it, in minor units."""

    id: str
    payment_id: str
    status: RefundStatus
    amount: int
    fee: int
    reason: str | None
    failure_code: str | None
    failure_detail: str | None
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def request(cls, key: str, command: RequestRefund, before: Payment, after: Payment, at: datetime) -> "Refund":
        """What `Payment.start_refund` has reserved, as the row `key`."""
        amount, fee = after.refunding - before.refunding, after.fee_returning - before.fee_returning
        return cls(key, after.id, "pending", amount, fee, command.reason, None, None, at, None)

    def requested(self, payment: Payment) -> RefundRequested:
        """What starts the saga."""
        assert payment.owner is not None, "a captured payment has its merchant's owner"
        assert payment.wallet_id is not None, "and a wallet that it came from"
        assert payment.settlement_wallet_id is not None, "and one that it went to"
        return RefundRequested(
            refund_id=self.id,
            payment_id=payment.id,
            owner=payment.owner,
            settlement_wallet_id=payment.settlement_wallet_id,
            wallet_id=payment.wallet_id,
            amount=self.amount,
            currency=payment.currency,
            fee=self.fee,
        )

    def succeed(self, at: datetime) -> "Refund":
        """Its money is back. Again is harmless."""
        assert self.status != "failed", "money went back for a refund that failed"
        return self if self.status == "succeeded" else self._replace(status="succeeded", completed_at=at)

    def fail(self, command: FailRefund, at: datetime) -> "Refund":
        """No money went back. Again is harmless."""
        assert self.status != "succeeded", "a refund failed whose money is back"
        if self.status == "failed":
            return self
        return self._replace(status="failed", failure_code=command.code, failure_detail=command.detail, completed_at=at)

    def view(self, payment: Payment, *, to_merchant: bool = True) -> RefundView:
        """How the merchant sees it; the fee is none of the customer's business, nor is why it failed."""
        failure = None
        if to_merchant and self.failure_code is not None:
            failure = FailureView(code=self.failure_code, detail=self.failure_detail or "")
        return RefundView(
            id=self.id,
            payment_id=self.payment_id,
            status=self.status,
            amount=self.amount,
            currency=payment.currency,
            fee=self.fee if to_merchant else None,
            reason=self.reason,
            failure=failure,
            created_at=self.created_at,
            completed_at=self.completed_at,
        )
