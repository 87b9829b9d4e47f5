"""What is told of payments, once it has happened."""

from typing import Any

from contracts.payments import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    PaymentVoided,
    RefundFailed,
    RefundSucceeded,
)
from workers.payments import views
from workers.payments.refunds import Refund
from workers.payments.rules import Closing, Payment


def authorized(payment: Payment) -> PaymentAuthorized:
    """The money is set aside."""
    return PaymentAuthorized(**_about(payment))


def captured(payment: Payment, amount: int) -> PaymentCaptured:
    """So many minor units have moved."""
    return PaymentCaptured(**_about(payment), amount=amount)


def released(payment: Payment, why: Closing | None) -> PaymentVoided | PaymentExpired:
    """What was not captured is back."""
    kind = PaymentExpired if why == "expiry" else PaymentVoided
    return kind(**_about(payment))


def failed(payment: Payment) -> PaymentFailed:
    """No money has moved."""
    return PaymentFailed(**_about(payment))


def refunded(payment: Payment, refund: Refund) -> RefundSucceeded:
    """Money is back at the customer's."""
    return RefundSucceeded(**_about(payment), refund=refund.view(payment))


def not_refunded(payment: Payment, refund: Refund) -> RefundFailed:
    """It is not."""
    return RefundFailed(**_about(payment), refund=refund.view(payment))


def _about(payment: Payment) -> dict[str, Any]:
    return {"payment": views.of(payment), "owner": payment.owner, "customer": payment.customer}
