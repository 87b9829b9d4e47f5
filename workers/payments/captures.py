"""One capture of an authorised payment: it ends once, and only its own money moves with it."""

from datetime import datetime
from typing import Literal, NamedTuple

from contracts.payments import CaptureRequested, FailCapture
from workers.payments.rules import Payment

CaptureStatus = Literal["pending", "succeeded", "failed"]


class Capture(NamedTuple):
    """One row of `payments.captures`. `amount` and `fee` in minor units; `final` gives back what it leaves."""

    id: str
    payment_id: str
    status: CaptureStatus
    amount: int
    fee: int
    final: bool
    failure_code: str | None
    failure_detail: str | None
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def request(cls, key: str, before: Payment, after: Payment, at: datetime) -> "Capture":
        """What `Payment.start_capture` has reserved, as the row `key`."""
        amount, fee = after.capturing - before.capturing, after.fee_pending - before.fee_pending
        return cls(key, after.id, "pending", amount, fee, after.closing == "capture", None, None, at, None)

    def requested(self, payment: Payment) -> CaptureRequested:
        """What starts the saga."""
        assert payment.wallet_id is not None, "an authorised payment has a wallet"
        assert payment.settlement_wallet_id is not None, "and a place to settle to"
        return CaptureRequested(
            capture_id=self.id,
            payment_id=payment.id,
            merchant_id=payment.merchant_id,
            wallet_id=payment.wallet_id,
            settlement_wallet_id=payment.settlement_wallet_id,
            amount=self.amount,
            currency=payment.currency,
            fee=self.fee,
            final=self.final,
        )

    def succeed(self, at: datetime) -> "Capture":
        """Its money has moved. Again is harmless."""
        assert self.status != "failed", "money moved for a capture that failed"
        return self if self.status == "succeeded" else self._replace(status="succeeded", completed_at=at)

    def fail(self, command: FailCapture, at: datetime) -> "Capture":
        """No money has moved. Again is harmless."""
        assert self.status != "succeeded", "a capture failed whose money has moved"
        if self.status == "failed":
            return self
        return self._replace(status="failed", failure_code=command.code, failure_detail=command.detail, completed_at=at)
