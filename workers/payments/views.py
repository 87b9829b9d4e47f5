"""How each side sees a payment: its merchant, its customer, and those who oversee."""

from contracts.envelope import Caller
from contracts.operations import FailureView
from contracts.payments import PaidWithView, PaymentView
from workers.payments.rules import Payment


def of(payment: Payment, to: Caller | None = None) -> PaymentView:
    """The payment as `to` sees it, by default its merchant.

    The fee and the metadata are the merchant's own. A card that the merchant knows by its data only is not named to
    it: an id would let it charge the card again without them.
    """
    for_merchant = to is None or to.oversees or payment.belongs_to(to)
    named = payment.card_named or (to is not None and (to.oversees or to.principal == payment.customer))
    return PaymentView(
        id=payment.id,
        status=payment.status,
        merchant_id=payment.merchant_id,
        merchant_name=payment.merchant_name,
        card=_card(payment, named=named),
        amount=payment.amount,
        currency=payment.currency,
        capture=payment.capture,
        amount_captured=payment.captured,
        amount_refunded=payment.refunded,
        fee=payment.fee - payment.fee_returned if for_merchant else None,
        reference=payment.reference,
        description=payment.description,
        metadata=payment.metadata if for_merchant else {},
        failure=_failure(payment),
        created_at=payment.created_at,
        authorized_at=payment.authorized_at,
        expires_at=payment.expires_at,
        completed_at=payment.completed_at,
    )


def _card(payment: Payment, *, named: bool) -> PaidWithView | None:
    if payment.brand is None or payment.last4 is None:
        return None
    return PaidWithView(id=payment.card_id if named else None, brand=payment.brand, last4=payment.last4)


def _failure(payment: Payment) -> FailureView | None:
    if payment.failure_code is None:
        return None
    return FailureView(code=payment.failure_code, detail=payment.failure_detail or "")
