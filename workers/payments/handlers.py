"""What can be done with payments: each decides on the payment's locked row, so that of two moves one wins."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from contracts.envelope import Caller
from contracts.identity import PermissionDenied
from contracts.message import NotFound
from contracts.moving import Declined
from contracts.payments import (
    CompleteCapture,
    CompletePayment,
    CompleteRefund,
    CompleteRelease,
    DeclineCard,
    ExpirePayment,
    FailCapture,
    FailPayment,
    FailRefund,
    FailRelease,
    PaymentView,
    ReferenceTaken,
    RefundView,
    RequestCapture,
    RequestPayment,
    RequestRefund,
    RequestVoid,
)
from workers.payments import events, policy, views
from workers.payments.captures import Capture
from workers.payments.refunds import Refund
from workers.payments.rules import Payment
from workers.runtime.handlers import Handlers
from workers.runtime.needs import Need, rows, unique
from workers.runtime.unit_of_work import UnitOfWork
from workers.sagas.capture_payment import CapturePayment
from workers.sagas.pay_merchant import PayMerchant
from workers.sagas.refund_payment import RefundPayment
from workers.sagas.release_payment import ReleasePayment

handlers = Handlers("payments")

EXPIRE_AGAIN = timedelta(minutes=1)
"""An expiry that could not end its authorisation yet looks again after this."""


def _reference(command: RequestPayment, caller: Caller, _prepared: Any) -> Iterable[Need]:
    if command.reference is not None:
        yield unique(Payment, merchant_id=caller.principal, claim=command.reference)


@handlers.command(RequestPayment, finished_by=PayMerchant, needs_more=_reference)
def request_payment(command: RequestPayment, uow: UnitOfWork) -> PaymentView:
    """Record the intent; the `PayMerchant` saga takes the money. Raises `ReferenceTaken`, `PermissionDenied`."""
    payment = Payment.request(command, by=uow.caller, at=uow.now, key=uow.id("pay"))
    if payment.claim is not None and uow.matching(Payment, merchant_id=payment.merchant_id, claim=payment.claim):
        raise ReferenceTaken
    uow.add(payment)
    uow.emit(payment.requested(command))
    return views.of(payment)


@handlers.command(DeclineCard)
def decline_card(command: DeclineCard, uow: UnitOfWork) -> PaymentView:
    """Raises `Declined`: what was found out at the edge, for the saga to hear."""
    del command, uow
    raise Declined("The card was declined.")


@handlers.command(CompletePayment, needs=lambda c: [rows(Payment, c.payment_id)])
def complete_payment(command: CompletePayment, uow: UnitOfWork) -> PaymentView:
    """The money is set aside, for as long as the policy says, or has moved: say so."""
    payment = uow.get(Payment, command.payment_id)
    completed = payment.complete(command, at=uow.now)
    if completed is not payment:
        if completed.status == "authorized":
            due = uow.now + policy.current().authorized_for
            completed = completed.expiring(due).watched_by(uow.later(ExpirePayment(payment_id=payment.id), due))
            uow.emit(events.authorized(completed))
        else:
            uow.emit(events.captured(completed, completed.amount))
        uow.save(completed)
    return views.of(completed)


@handlers.command(FailPayment, needs=lambda c: [rows(Payment, c.payment_id)])
def fail_payment(command: FailPayment, uow: UnitOfWork) -> PaymentView:
    """No money has moved: say so, and why."""
    payment = uow.get(Payment, command.payment_id)
    failed = payment.fail(command, at=uow.now)
    if failed is not payment:
        uow.save(failed)
        uow.emit(events.failed(failed))
    return views.of(failed)


@handlers.command(RequestCapture, needs=lambda c: [rows(Payment, c.payment_id)], finished_by=CapturePayment)
def request_capture(command: RequestCapture, uow: UnitOfWork) -> PaymentView:
    """Reserve what is to be captured; the `CapturePayment` saga moves it. Raises what `start_capture` does."""
    payment = _own(uow, command.payment_id)
    started = payment.start_capture(command.amount, final=command.final, at=uow.now)
    capture = Capture.request(uow.id("cap"), payment, started, uow.now)
    uow.add(capture)
    uow.save(started)
    uow.emit(capture.requested(started))
    return views.of(started)


@handlers.command(RequestVoid, needs=lambda c: [rows(Payment, c.payment_id)], finished_by=ReleasePayment)
def request_void(command: RequestVoid, uow: UnitOfWork) -> PaymentView:
    """Close it to captures; the `ReleasePayment` saga gives the money back. Raises what `start_void` does."""
    started = _own(uow, command.payment_id).start_void(at=uow.now)
    uow.save(started)
    uow.emit(started.released())
    return views.of(started)


@handlers.command(RequestRefund, needs=lambda c: [rows(Payment, c.payment_id)], finished_by=RefundPayment)
def request_refund(command: RequestRefund, uow: UnitOfWork) -> RefundView:
    """Reserve what is to be refunded; the `RefundPayment` saga moves it. Raises what `start_refund` does."""
    payment = _own(uow, command.payment_id)
    returns_fee = policy.current().refund_fees == "proportional"
    started = payment.start_refund(command.amount, returns_fee=returns_fee)
    refund = Refund.request(uow.id("ref"), command, payment, started, uow.now)
    uow.add(refund)
    uow.save(started)
    uow.emit(refund.requested(started))
    return refund.view(started)


@handlers.command(CompleteCapture, needs=lambda c: [rows(Payment, c.payment_id), rows(Capture, c.capture_id)])
def complete_capture(command: CompleteCapture, uow: UnitOfWork) -> PaymentView:
    """The capture's money has moved: say so."""
    payment, capture = uow.get(Payment, command.payment_id), uow.get(Capture, command.capture_id)
    succeeded = capture.succeed(uow.now)
    if succeeded is not capture:
        uow.save(succeeded)
        payment = _save(uow, payment, payment.end_capture(capture.amount, capture.fee, at=uow.now))
        uow.emit(events.captured(payment, capture.amount))
    return views.of(payment)


@handlers.command(FailCapture, needs=lambda c: [rows(Payment, c.payment_id), rows(Capture, c.capture_id)])
def fail_capture(command: FailCapture, uow: UnitOfWork) -> PaymentView:
    """It has not: what was reserved for it can be captured or voided again."""
    payment, capture = uow.get(Payment, command.payment_id), uow.get(Capture, command.capture_id)
    failed = capture.fail(command, uow.now)
    if failed is not capture:
        uow.save(failed)
        payment = _save(uow, payment, payment.drop_capture(capture.amount, capture.fee))
    return views.of(payment)


@handlers.command(ExpirePayment, needs=lambda c: [rows(Payment, c.payment_id)])
def expire_payment(command: ExpirePayment, uow: UnitOfWork) -> PaymentView:
    """Close the authorisation to captures. Until it has ended for good, look again later, whatever is under way."""
    payment = uow.get(Payment, command.payment_id)
    if payment.status != "authorized":
        return views.of(payment)
    expiring = payment.start_expiry(at=uow.now)
    if expiring is not payment:
        uow.emit(expiring.released())
    uow.save(expiring.watched_by(uow.later(command, uow.now + EXPIRE_AGAIN)))
    return views.of(expiring)


@handlers.command(CompleteRelease, needs=lambda c: [rows(Payment, c.payment_id)])
def complete_release(command: CompleteRelease, uow: UnitOfWork) -> PaymentView:
    """What was set aside is back: say so."""
    payment = uow.get(Payment, command.payment_id)
    released = payment.end_release(at=uow.now)
    if released is not payment:
        _save(uow, payment, released)
        uow.emit(events.released(released, payment.closing))
    return views.of(released)


@handlers.command(FailRelease, needs=lambda c: [rows(Payment, c.payment_id)])
def fail_release(command: FailRelease, uow: UnitOfWork) -> PaymentView:
    """It is not: the payment stays authorised."""
    payment = uow.get(Payment, command.payment_id)
    return views.of(_save(uow, payment, payment.drop_release()))


@handlers.command(CompleteRefund, needs=lambda c: [rows(Payment, c.payment_id), rows(Refund, c.refund_id)])
def complete_refund(command: CompleteRefund, uow: UnitOfWork) -> RefundView:
    """The money is back at the customer's: say so."""
    payment, refund = uow.get(Payment, command.payment_id), uow.get(Refund, command.refund_id)
    succeeded = refund.succeed(uow.now)
    if succeeded is not refund:
        uow.save(succeeded)
        payment = _save(uow, payment, payment.end_refund(refund.amount, refund.fee))
        uow.emit(events.refunded(payment, succeeded))
    return succeeded.view(payment)


@handlers.command(FailRefund, needs=lambda c: [rows(Payment, c.payment_id), rows(Refund, c.refund_id)])
def fail_refund(command: FailRefund, uow: UnitOfWork) -> RefundView:
    """It is not: what was reserved for it can be refunded again."""
    payment, refund = uow.get(Payment, command.payment_id), uow.get(Refund, command.refund_id)
    failed = refund.fail(command, uow.now)
    if failed is not refund:
        uow.save(failed)
        payment = _save(uow, payment, payment.drop_refund(refund.amount, refund.fee))
        uow.emit(events.not_refunded(payment, failed))
    return failed.view(payment)


def _save(uow: UnitOfWork, before: Payment, after: Payment) -> Payment:
    """Keep it; once nothing is set aside any more, nothing expires."""
    uow.save(after)
    if before.timer_id is not None and after.timer_id is None:
        uow.forget(before.timer_id)
    return after


def _own(uow: UnitOfWork, key: str) -> Payment:
    """A payment that the caller may move. Raises `NotFound`, and `PermissionDenied` to its customer."""
    payment = uow.get(Payment, key)
    if not payment.visible_to(uow.caller):
        raise NotFound
    if not payment.belongs_to(uow.caller):
        raise PermissionDenied("Only the merchant can do this.")
    return payment
