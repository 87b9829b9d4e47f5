"""What a payment is and may become: pure, without a database or a clock."""

from datetime import datetime
from typing import Literal, NamedTuple

from contracts.cards import Brand, CardSpendView
from contracts.envelope import Caller
from contracts.identity import PermissionDenied
from contracts.merchants import FeeTerms, MerchantTerms
from contracts.message import Refusal
from contracts.money import Currency
from contracts.payments import (
    AlreadyCaptured,
    AlreadyExpired,
    AlreadyFailed,
    AlreadyRefunded,
    AlreadyVoided,
    CaptureExceedsAuthorized,
    CaptureMode,
    CompletePayment,
    FailPayment,
    NotCaptured,
    PaymentBusy,
    PaymentPending,
    PaymentRequested,
    PaymentStatus,
    RefundExceedsCaptured,
    ReleaseRequested,
    RequestPayment,
)

Closing = Literal["capture", "void", "expiry"]

MERCHANT = "mer_"
ENDED: dict[PaymentStatus, type[Refusal]] = {
    "pending": PaymentPending,
    "captured": AlreadyCaptured,
    "partially_refunded": AlreadyCaptured,
    "refunded": AlreadyCaptured,
    "voided": AlreadyVoided,
    "expired": AlreadyExpired,
    "failed": AlreadyFailed,
}
"""Why nothing can be captured or voided in each state but `authorized`."""


class Payment(NamedTuple):
    """One row of `payments.payments`. Amounts in minor units of `currency`.

    An authorised payment may be captured in parts, each of them reserved in `capturing` until its money has moved; so
    are refunds in `refunding`, and the fees that go with them in `fee_pending` and `fee_returning`. `closing` is what
    is about to give back all that is left: it lets nothing in beside it. `claim` is the reference while it is taken.
    """

    id: str
    status: PaymentStatus
    merchant_id: str
    card_id: str | None
    card_named: bool
    amount: int
    currency: Currency
    capture: CaptureMode
    reference: str | None
    claim: str | None
    description: str | None
    metadata: dict[str, str]
    created_at: datetime
    merchant_name: str | None = None
    owner: str | None = None
    settlement_wallet_id: str | None = None
    customer: str | None = None
    wallet_id: str | None = None
    brand: Brand | None = None
    last4: str | None = None
    captured: int = 0
    capturing: int = 0
    refunded: int = 0
    refunding: int = 0
    fee: int = 0
    fee_pending: int = 0
    fee_returned: int = 0
    fee_returning: int = 0
    fee_fixed: int = 0
    fee_basis_points: int = 0
    closing: Closing | None = None
    timer_id: str | None = None
    failure_code: str | None = None
    failure_detail: str | None = None
    authorized_at: datetime | None = None
    expires_at: datetime | None = None
    completed_at: datetime | None = None

    @classmethod
    def request(cls, command: RequestPayment, *, by: Caller, at: datetime, key: str) -> "Payment":
        """What a merchant asks for with its key, as the row `key`. Raises `PermissionDenied` to people."""
        if not by.principal.startswith(MERCHANT):
            raise PermissionDenied("Payments are made with a merchant's API key.")
        return cls(
            key,
            "pending",
            by.principal,
            command.card.id,
            command.card.id is not None,
            command.amount,
            command.currency,
            command.capture,
            command.reference,
            command.reference,
            command.description,
            command.metadata,
            at,
        )

    @property
    def capturable(self) -> int:
        """What is authorised and neither captured nor about to be."""
        return self.amount - self.captured - self.capturing

    @property
    def refundable(self) -> int:
        """What is captured and neither refunded nor about to be."""
        return self.captured - self.refunded - self.refunding

    @property
    def is_open(self) -> bool:
        """Whether money may still be set aside for it, and nothing is about to give that back."""
        return self.status == "authorized" and self.closing is None

    def complete(self, command: CompletePayment, *, at: datetime) -> "Payment":
        """The money is set aside or, for automatic capture, has moved. Again is harmless."""
        assert self.status != "failed", "money was set aside for a payment that failed"
        if self.status != "pending":
            return self
        known = self._concerns(command.merchant, command.card)._replace(
            settlement_wallet_id=command.merchant.settlement_wallet_id,
            wallet_id=command.card.wallet_id,
            fee_fixed=command.merchant.fee_fixed,
            fee_basis_points=command.merchant.fee_basis_points,
            authorized_at=at,
        )
        if self.capture == "manual":
            return known._replace(status="authorized")
        return known._replace(status="captured", captured=self.amount, fee=command.fee, completed_at=at)

    def expiring(self, at: datetime) -> "Payment":
        """With the time at which the authorisation ends, unless something else ends it."""
        return self._replace(expires_at=at)

    def watched_by(self, timer_id: str) -> "Payment":
        """With the timer that sees to that."""
        return self._replace(timer_id=timer_id)

    def fail(self, command: FailPayment, *, at: datetime) -> "Payment":
        """No money has moved, and the reference is free again. Again is harmless."""
        assert self.status in ("pending", "failed"), "a payment failed whose money was set aside"
        if self.status == "failed":
            return self
        return self._concerns(command.merchant, command.card)._replace(
            status="failed",
            claim=None,
            failure_code=command.code,
            failure_detail=command.detail,
            completed_at=at,
        )

    def start_capture(self, amount: int | None, *, final: bool, at: datetime) -> "Payment":
        """Reserve `amount` (None: all that is left) for a capture; a `final` one then gives back what it leaves.

        Raises `AlreadyCaptured` and its like, `AlreadyExpired`, `CaptureExceedsAuthorized`, `PaymentBusy`.
        """
        self._must_be_open(at)
        left = self.capturable
        if not left:
            raise AlreadyCaptured("The payment is authorized, and all of it is being captured.")
        wanted = left if amount is None else amount
        if wanted > left:
            raise CaptureExceedsAuthorized(f"Of {self.amount} authorized {left} are left to be captured.")
        closes = final and wanted < left
        if closes and self.capturing:
            raise PaymentBusy
        fee = self._fee_on(self.captured + self.capturing + wanted) - self.fee - self.fee_pending
        return self._replace(
            capturing=self.capturing + wanted,
            fee_pending=self.fee_pending + min(max(fee, 0), wanted),
            closing="capture" if closes else None,
        )

    def end_capture(self, amount: int, fee: int, *, at: datetime) -> "Payment":
        """So much that was reserved has moved, `fee` of it on to us."""
        assert self.status == "authorized", "money was captured that was not set aside"
        moved = self._unreserve(amount, fee)
        moved = moved._replace(captured=self.captured + amount, fee=self.fee + fee)
        return moved._close(at) if moved.captured == self.amount or self.closing == "capture" else moved

    def drop_capture(self, amount: int, fee: int) -> "Payment":
        """So much that was reserved did not move and can be captured or given back again."""
        dropped = self._unreserve(amount, fee)
        return dropped._replace(closing=None) if self.closing == "capture" else dropped

    def start_void(self, *, at: datetime) -> "Payment":
        """Close it to captures. Raises what `start_capture` does."""
        self._must_be_open(at)
        if self.capturing:
            raise PaymentBusy
        return self._replace(closing="void")

    def start_expiry(self, *, at: datetime) -> "Payment":
        """Close it to captures because its time is over; unchanged where there is nothing to close."""
        assert self.expires_at is not None, "only an authorisation expires"
        if not self.is_open or self.capturing or at < self.expires_at:
            return self
        return self._replace(closing="expiry")

    def end_release(self, *, at: datetime) -> "Payment":
        """What was set aside and not captured is back. Again is harmless."""
        return self if self.closing not in ("void", "expiry") else self._close(at)

    def drop_release(self) -> "Payment":
        """It stays set aside: an operator discarded the release."""
        return self._replace(closing=None)

    def start_refund(self, amount: int | None, *, returns_fee: bool) -> "Payment":
        """Reserve `amount` (None: all that is left) of what was captured for a refund, with its part of the fee.

        Raises `NotCaptured`, `AlreadyRefunded` and its like, `RefundExceedsCaptured`.
        """
        if not self.captured:
            raise NotCaptured if self.status == "authorized" else self._ended()
        left = self.refundable
        if not left:
            raise AlreadyRefunded(
                f"The payment is {self.status}, and all that was captured is refunded or about to be."
            )
        wanted = left if amount is None else amount
        if wanted > left:
            raise RefundExceedsCaptured(f"Of {self.captured} captured {left} are left to be refunded.")
        share = self.fee * (self.captured - left + wanted) // self.captured if returns_fee else 0
        fee = min(max(share - self.fee_returned - self.fee_returning, 0), wanted)
        return self._replace(refunding=self.refunding + wanted, fee_returning=self.fee_returning + fee)

    def end_refund(self, amount: int, fee: int) -> "Payment":
        """So much is back at the customer's, `fee` of it at our expense."""
        ended = self.drop_refund(amount, fee)
        ended = ended._replace(refunded=self.refunded + amount, fee_returned=self.fee_returned + fee)
        return ended if self.status == "authorized" else ended._replace(status=ended._settled())

    def drop_refund(self, amount: int, fee: int) -> "Payment":
        """So much did not go back, and can be refunded again."""
        assert amount <= self.refunding, "a refund ended that was not reserved"
        return self._replace(refunding=self.refunding - amount, fee_returning=self.fee_returning - fee)

    def requested(self, command: RequestPayment) -> PaymentRequested:
        """What starts the saga."""
        return PaymentRequested(
            payment_id=self.id,
            merchant_id=self.merchant_id,
            card_id=command.card.id,
            token=command.card.token,
            declined=command.card.declined,
            amount=self.amount,
            currency=self.currency,
            capture=self.capture,
        )

    def released(self) -> ReleaseRequested:
        """What starts the saga that gives back what is left."""
        assert self.wallet_id is not None, "an authorised payment has a wallet"
        assert self.closing in ("void", "expiry"), "nothing was to be given back"
        card = None if self.captured else self.card_id
        return ReleaseRequested(payment_id=self.id, wallet_id=self.wallet_id, spend_on=card, ending=self.closing)

    def belongs_to(self, caller: Caller) -> bool:
        """Whether the caller is its merchant, by key or as the merchant's owner."""
        return caller.principal in (self.merchant_id, self.owner)

    def visible_to(self, caller: Caller) -> bool:
        """Whether it exists for this caller: its merchant, its customer, or one who oversees."""
        return caller.oversees or self.belongs_to(caller) or caller.principal == self.customer

    def _concerns(self, merchant: MerchantTerms | None, card: CardSpendView | None) -> "Payment":
        known = self
        if merchant is not None:
            known = known._replace(merchant_name=merchant.name, owner=merchant.owner)
        if card is not None:
            known = known._replace(customer=card.owner, card_id=card.card_id, brand=card.brand, last4=card.last4)
        return known

    def _must_be_open(self, at: datetime) -> None:
        if self.status != "authorized":
            raise self._ended()
        if self.closing is not None:
            raise PaymentBusy
        if self.expires_at is not None and at >= self.expires_at:
            raise AlreadyExpired("The payment's authorization is expired.")

    def _ended(self) -> Refusal:
        return ENDED[self.status](f"The payment is {self.status}.")

    def _fee_on(self, captured: int) -> int:
        return FeeTerms(fixed=self.fee_fixed, basis_points=self.fee_basis_points).on(captured)

    def _unreserve(self, amount: int, fee: int) -> "Payment":
        assert amount <= self.capturing, "a capture ended that was not reserved"
        return self._replace(capturing=self.capturing - amount, fee_pending=self.fee_pending - fee)

    def _close(self, at: datetime) -> "Payment":
        return self._replace(status=self._settled(), closing=None, timer_id=None, completed_at=at)

    def _settled(self) -> PaymentStatus:
        """What it is when nothing is set aside for it any more."""
        if not self.captured:
            return "expired" if self.closing == "expiry" else "voided"
        if not self.refunded:
            return "captured"
        return "refunded" if self.refunded == self.captured else "partially_refunded"
