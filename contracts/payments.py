"""Payments: what merchants take from their customers' cards, capture, void and refund."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.cards import Brand, CardSpendView, CardToken
from contracts.ids import CaptureId, CardId, MerchantId, PaymentId, RefundId, UserId, WalletId
from contracts.merchants import MerchantTerms
from contracts.message import (
    Command,
    Event,
    Kind,
    Message,
    Metadata,
    Query,
    Refusal,
    SecretText,
    Text,
    View,
    exactly_one,
)
from contracts.money import Amount, Balance, Currency
from contracts.operations import FailureView
from contracts.pages import Moment, PageOf

PaymentStatus = Literal[
    "pending", "authorized", "captured", "partially_refunded", "refunded", "voided", "expired", "failed"
]
RefundStatus = Literal["pending", "succeeded", "failed"]
CaptureMode = Literal["automatic", "manual"]
Ending = Literal["void", "expiry"]
Reference = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Description = Annotated[Text, StringConstraints(max_length=500)]
Why = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class CheckoutCard(View):
    """A card as a checkout names it: by `id`, or by all that is printed on it."""

    model_config = exactly_one("id", ("pan", "cvv", "exp_month", "exp_year"))

    id: CardId | None = None
    pan: Annotated[SecretText, StringConstraints(pattern=r"^[0-9]{12,19}$")] | None = None
    cvv: Annotated[SecretText, StringConstraints(pattern=r"^[0-9]{3,4}$")] | None = None
    exp_month: Annotated[int, Field(ge=1, le=12)] | None = None
    exp_year: Annotated[int, Field(ge=2000, le=2199)] | None = None

    @model_validator(mode="after")
    def _one_way_or_the_other(self) -> Self:
        printed = [self.pan, self.cvv, self.exp_month, self.exp_year]
        if self.id is not None and printed == [None] * 4:
            return self
        if self.id is None and None not in printed:
            return self
        message = "Name the card by its id, or by pan, cvv, exp_month and exp_year."
        raise ValueError(message)


class PaymentOrder(Message):
    """What a merchant's checkout asks for. Raw card data goes no further than the edge of the system."""

    card: CheckoutCard
    amount: Amount
    currency: Currency
    capture: CaptureMode = "automatic"
    reference: Reference | None = None
    description: Description | None = None
    metadata: Metadata = Field(default_factory=dict)


class PaymentCard(View):
    """A card as a durable command names it: by `id`, by a `token`, or not at all: its data was `declined`."""

    id: CardId | None = None
    token: CardToken | None = None
    declined: bool = False


class PaidWithView(View):
    """The card that a payment is made with. `id` is null for a merchant who knows the card by its data only."""

    id: CardId | None = None
    brand: Brand
    last4: str


class PaymentView(View):
    """One payment. `amount` was authorised; `fee` is what the merchant pays for it, less what refunds returned.

    `fee` and `metadata` are the merchant's: customers see null and nothing. `expires_at` is when what is authorised
    and not captured goes back.
    """

    id: PaymentId
    status: PaymentStatus
    merchant_id: MerchantId
    merchant_name: str | None = None
    card: PaidWithView | None = None
    amount: Amount
    currency: Currency
    capture: CaptureMode
    amount_captured: Balance
    amount_refunded: Balance
    fee: Balance | None = None
    reference: str | None = None
    description: str | None = None
    metadata: dict[str, str]
    failure: FailureView | None = None
    created_at: datetime
    authorized_at: datetime | None = None
    expires_at: datetime | None = None
    completed_at: datetime | None = None


class RefundView(View):
    """One refund. `fee` is the part of the merchant's fee that it returned."""

    id: RefundId
    payment_id: PaymentId
    status: RefundStatus
    amount: Amount
    currency: Currency
    fee: Balance | None = None
    reason: str | None = None
    failure: FailureView | None = None
    created_at: datetime
    completed_at: datetime | None = None


class RequestPayment(Command[PaymentView]):
    """Take money from a card for the merchant whose key is used: at once, or set aside to be captured.

    Raises `ReferenceTaken`; the rest is the saga's to find out.
    """

    card: PaymentCard
    amount: Amount
    currency: Currency
    capture: CaptureMode = "automatic"
    reference: Reference | None = None
    description: Description | None = None
    metadata: Metadata = Field(default_factory=dict)


class RequestCapture(Command[PaymentView]):
    """Take an authorised payment, or `amount` of it. What is left goes back, unless this capture is not `final`."""

    payment_id: PaymentId
    amount: Amount | None = None
    final: bool = True


class RequestVoid(Command[PaymentView]):
    """Give back what an authorised payment has set aside and nobody has captured."""

    payment_id: PaymentId


class RequestRefund(Command[RefundView]):
    """Give captured money back to the customer: all that is left of it, or `amount`."""

    payment_id: PaymentId
    amount: Amount | None = None
    reason: Why | None = None


class GetPayment(Query[PaymentView]):
    """One payment."""

    payment_id: PaymentId


class ListPayments(PageOf[PaymentView]):
    """Payments, newest first: a merchant's own, a person's as customer and as a merchant's owner.

    Those who oversee see everybody's. `amount_from` and `amount_to` are inclusive, `created_to` is exclusive.
    """

    status: PaymentStatus | None = None
    card_id: CardId | None = None
    merchant_id: MerchantId | None = None
    reference: Reference | None = None
    currency: Currency | None = None
    amount_from: Amount | None = None
    amount_to: Amount | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class GetRefund(Query[RefundView]):
    """One refund of a payment."""

    payment_id: PaymentId
    refund_id: RefundId


class ListRefunds(PageOf[RefundView]):
    """A payment's refunds, newest first, failed ones too."""

    payment_id: PaymentId
    status: RefundStatus | None = None


class AboutPayment(Message):
    """What every event of a payment says: what it is now, and whom it concerns as far as they were found out."""

    payment: PaymentView
    owner: UserId | None
    customer: UserId | None


class PaymentAuthorized(AboutPayment, Event):
    """The money is set aside."""


class PaymentCaptured(AboutPayment, Event):
    """`amount` has moved to the merchant; with several captures this is told of each."""

    amount: Amount


class PaymentVoided(AboutPayment, Event):
    """What was set aside and not captured went back, because the merchant said so."""


class PaymentExpired(AboutPayment, Event):
    """Likewise, because nobody captured it in time."""


class PaymentFailed(AboutPayment, Event):
    """No money has moved, nor is any set aside."""


class RefundSucceeded(AboutPayment, Event):
    """Money went back to the customer."""

    refund: RefundView


class RefundFailed(AboutPayment, Event):
    """It did not."""

    refund: RefundView


class PaymentRequested(Event):
    """A merchant asked for a payment. The card is named by `card_id` or `token`, or its data was `declined`."""

    payment_id: PaymentId
    merchant_id: MerchantId
    card_id: CardId | None
    token: CardToken | None
    declined: bool
    amount: Amount
    currency: Currency
    capture: CaptureMode


class CaptureRequested(Event):
    """A merchant asked for a capture: `amount` less `fee` is what arrives. `final` gives back what is left."""

    capture_id: CaptureId
    payment_id: PaymentId
    merchant_id: MerchantId
    wallet_id: WalletId
    settlement_wallet_id: WalletId
    amount: Amount
    currency: Currency
    fee: Balance
    final: bool


class ReleaseRequested(Event):
    """What a payment has set aside goes back. `spend_on` is the card whose limits get it back, if nothing was taken."""

    payment_id: PaymentId
    wallet_id: WalletId
    spend_on: CardId | None
    ending: Ending


class RefundRequested(Event):
    """A merchant asked for a refund. `fee` is the part of its fee that comes back to it first."""

    refund_id: RefundId
    payment_id: PaymentId
    owner: UserId
    settlement_wallet_id: WalletId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    fee: Balance


class DeclineCard(Command[PaymentView]):
    """The card's data was declined at the edge: refuse the payment, too. Always raises `Declined`."""

    internal = True

    payment_id: PaymentId


class CompletePayment(Command[PaymentView]):
    """The money is set aside or, for automatic capture, has moved; `fee` minor units of it were the fee."""

    internal = True

    payment_id: PaymentId
    merchant: MerchantTerms
    card: CardSpendView
    fee: Balance


class FailPayment(Command[PaymentView]):
    """No money has moved, for this reason; whom it concerned is told as far as it was found out."""

    internal = True

    payment_id: PaymentId
    merchant: MerchantTerms | None = None
    card: CardSpendView | None = None
    code: str
    detail: str


class CompleteCapture(Command[PaymentView]):
    """The capture's money has moved."""

    internal = True

    payment_id: PaymentId
    capture_id: CaptureId


class FailCapture(Command[PaymentView]):
    """It has not, for this reason."""

    internal = True

    payment_id: PaymentId
    capture_id: CaptureId
    code: str
    detail: str


class CompleteRelease(Command[PaymentView]):
    """What was set aside went back."""

    internal = True

    payment_id: PaymentId


class FailRelease(Command[PaymentView]):
    """It did not."""

    internal = True

    payment_id: PaymentId


class CompleteRefund(Command[RefundView]):
    """The refund's money is back at the customer's."""

    internal = True

    payment_id: PaymentId
    refund_id: RefundId


class FailRefund(Command[RefundView]):
    """It is not, for this reason."""

    internal = True

    payment_id: PaymentId
    refund_id: RefundId
    code: str
    detail: str


class ExpirePayment(Command[PaymentView]):
    """An authorisation's time is over: give back what is not captured, if anything is left. Comes from a timer."""

    internal = True

    payment_id: PaymentId


class ReferenceTaken(Refusal):
    """The merchant has a payment with this reference that has not failed."""

    kind = Kind.CONFLICT
    detail = "Another payment of yours has this reference."


class PaymentPending(Refusal):
    """The payment is not authorised yet."""

    kind = Kind.CONFLICT
    detail = "The payment is pending."


class AlreadyFailed(Refusal):
    """There is nothing to capture, void or refund of a payment that failed."""

    kind = Kind.CONFLICT
    detail = "The payment is failed."


class PaymentBusy(Refusal):
    """Another capture or void of this payment is under way; it decides what is left for this one."""

    kind = Kind.CONFLICT
    detail = "Another capture or void of this payment is under way."


class AlreadyCaptured(Refusal):
    """All that may be captured is captured."""

    kind = Kind.CONFLICT
    detail = "The payment is captured."


class AlreadyVoided(Refusal):
    """The payment was voided."""

    kind = Kind.CONFLICT
    detail = "The payment is voided."


class AlreadyRefunded(Refusal):
    """All that was captured is refunded."""

    kind = Kind.CONFLICT
    detail = "The payment is refunded."


class AlreadyExpired(Refusal):
    """The authorisation's time is over."""

    kind = Kind.CONFLICT
    detail = "The payment is expired."


class NotCaptured(Refusal):
    """Only what was captured can be refunded."""

    kind = Kind.CONFLICT
    detail = "The payment is authorized, and nothing of it is captured."


class CaptureExceedsAuthorized(Refusal):
    """More was to be captured than is left of what was authorised."""

    kind = Kind.CONFLICT
    detail = "That is more than is left of what was authorised."


class RefundExceedsCaptured(Refusal):
    """More was to be refunded than is left of what was captured."""

    kind = Kind.CONFLICT
    detail = "That is more than is left of what was captured."
