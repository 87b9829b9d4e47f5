"""What can be asked about payments."""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, true

from contracts.envelope import Caller
from contracts.message import NotFound
from contracts.pages import Page
from contracts.payments import GetPayment, GetRefund, ListPayments, ListRefunds, PaymentView, RefundView
from workers.payments import views
from workers.payments.rules import MERCHANT, Payment
from workers.payments.tables import payments, read, read_refund, refunds
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading

queries = Queries("payments")

EQUAL = ("status", "merchant_id", "reference", "currency")


@queries.query(GetPayment)
async def get_payment(query: GetPayment, reading: Reading) -> PaymentView:
    """One payment, for its merchant and its customer. Raises `NotFound`."""
    return views.of(await _visible(query.payment_id, reading), reading.caller)


@queries.query(ListPayments)
async def list_payments(query: ListPayments, reading: Reading) -> Page[PaymentView]:
    """The caller's payments, taken and made."""
    caller = reading.caller
    wanted = _filters(query, caller)
    chosen = [select(payments).where(side, *wanted) for side in _sides(caller)]

    def view(row: Row[Any]) -> PaymentView:
        return views.of(read(row), caller)

    return await reading.page(query, chosen, (payments.c.created_at, payments.c.id), view)


@queries.query(GetRefund)
async def get_refund(query: GetRefund, reading: Reading) -> RefundView:
    """One refund, for whoever sees its payment. Raises `NotFound`."""
    payment = await _visible(query.payment_id, reading)
    wanted = select(refunds).where(refunds.c.id == query.refund_id, refunds.c.payment_id == payment.id)
    row = await reading.row(wanted)
    if row is None:
        raise NotFound
    return read_refund(row).view(payment, to_merchant=_for_merchant(payment, reading.caller))


@queries.query(ListRefunds)
async def list_refunds(query: ListRefunds, reading: Reading) -> Page[RefundView]:
    """A payment's refunds. Raises `NotFound`."""
    payment = await _visible(query.payment_id, reading)
    wanted = select(refunds).where(refunds.c.payment_id == payment.id)
    if query.status is not None:
        wanted = wanted.where(refunds.c.status == query.status)
    to_merchant = _for_merchant(payment, reading.caller)

    def view(row: Row[Any]) -> RefundView:
        return read_refund(row).view(payment, to_merchant=to_merchant)

    return await reading.page(query, wanted, (refunds.c.created_at, refunds.c.id), view)


async def _visible(key: str, reading: Reading) -> Payment:
    row = await reading.row(select(payments).where(payments.c.id == key))
    payment = None if row is None else read(row)
    if payment is None or not payment.visible_to(reading.caller):
        raise NotFound
    return payment


def _for_merchant(payment: Payment, caller: Caller) -> bool:
    return caller.oversees or payment.belongs_to(caller)


def _sides(caller: Caller) -> list[ColumnElement[bool]]:
    """Conditions that no payment meets two of, and an index serves each."""
    if caller.oversees:
        return [true()]
    if caller.principal.startswith(MERCHANT):
        return [payments.c.merchant_id == caller.principal]
    paid = payments.c.customer == caller.principal
    taken = and_(payments.c.owner == caller.principal, payments.c.customer.is_distinct_from(caller.principal))
    return [paid, taken]


def _filters(query: ListPayments, caller: Caller) -> list[ColumnElement[bool]]:
    named = ((payments.c[name], getattr(query, name)) for name in EQUAL)
    conditions = [column == value for column, value in named if value is not None]
    if query.card_id is not None:
        conditions.append(_paid_with(query.card_id, caller))
    if query.amount_from is not None:
        conditions.append(payments.c.amount >= query.amount_from)
    if query.amount_to is not None:
        conditions.append(payments.c.amount <= query.amount_to)
    if query.created_from is not None:
        conditions.append(payments.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(payments.c.created_at < query.created_to)
    return conditions


def _paid_with(card_id: str, caller: Caller) -> ColumnElement[bool]:
    paid = payments.c.card_id == card_id
    if caller.oversees:
        return paid
    # A merchant that never saw the card's id must not find it out by filtering, either.
    return paid & or_(payments.c.card_named, payments.c.customer == caller.principal)
