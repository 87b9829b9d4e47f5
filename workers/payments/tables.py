"""The tables of payments, captures and refunds."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSON

from workers.payments.captures import Capture
from workers.payments.refunds import Refund
from workers.payments.rules import Payment
from workers.runtime.stored import mapping, stored

metadata = MetaData(schema="payments")

Time = DateTime(timezone=True)
Id = Text(collation="C")

payments = Table(
    "payments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("status", Text, nullable=False),
    Column("merchant_id", Id, nullable=False),
    Column("card_id", Id),
    Column("card_named", Boolean, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("capture", Text, nullable=False),
    Column("reference", Text),
    Column("claim", Text),
    Column("description", Text),
    Column("metadata", JSON, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("merchant_name", Text),
    Column("owner", Id),
    Column("settlement_wallet_id", Id),
    Column("customer", Id),
    Column("wallet_id", Id),
    Column("brand", Text),
    Column("last4", Text),
    Column("captured", BigInteger, nullable=False),
    Column("capturing", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("refunding", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("fee_pending", BigInteger, nullable=False),
    Column("fee_returned", BigInteger, nullable=False),
    Column("fee_returning", BigInteger, nullable=False),
    Column("fee_fixed", BigInteger, nullable=False),
    Column("fee_basis_points", Integer, nullable=False),
    Column("closing", Text),
    Column("timer_id", Text),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("authorized_at", Time),
    Column("expires_at", Time),
    Column("completed_at", Time),
)
"""Columns stand in the order of `Payment`'s fields, so a row is an entity."""

captures = Table(
    "captures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("payment_id", Id, nullable=False),
    Column("status", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("created_at", Time, nullable=False),
    Column("completed_at", Time),
)
refunds = Table(
    "refunds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("payment_id", Id, nullable=False),
    Column("status", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("reason", Text),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("created_at", Time, nullable=False),
    Column("completed_at", Time),
)

FIXED = ("id", "merchant_id", "card_named", "amount", "currency", "capture", "reference", "description", "metadata")
ENDS = ("status", "failure_code", "failure_detail", "completed_at")

stored(
    Payment,
    payments,
    order=70,
    mutable=tuple(name for name in Payment._fields if name not in (*FIXED, "created_at")),
)
stored(Capture, captures, order=71, mutable=ENDS)
stored(Refund, refunds, order=72, mutable=ENDS)


def read(row: Row[Any]) -> Payment:
    """A payment from a row of its table."""
    return mapping(Payment).load(row)


def read_refund(row: Row[Any]) -> Refund:
    """A refund from a row of its table."""
    return mapping(Refund).load(row)
