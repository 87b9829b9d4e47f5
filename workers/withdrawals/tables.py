"""The tables of withdrawals."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSON

from workers.runtime.stored import mapping, stored
from workers.withdrawals.rules import Withdrawal
from workers.withdrawals.totals import Total

metadata = MetaData(schema="withdrawals")

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("wallet_id", Text),
    Column("card_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("fee", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("beneficiary", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("provider", Text, nullable=False),
    Column("provider_id", Text),
    Column("heard", Text),
    Column("version", BigInteger, nullable=False),
    Column("paid", BigInteger),
    Column("reason", Text),
    Column("asks", Integer, nullable=False),
    Column("saga_id", Text),
    Column("decided", Boolean, nullable=False),
    Column("owes", Text),
    Column("receivable", BigInteger, nullable=False),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("begun_at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
)
"""Columns stand in the order of `Withdrawal`'s fields, so a row is an entity."""

totals = Table(
    "totals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("amount", BigInteger, nullable=False),
)

stored(
    Withdrawal,
    withdrawals,
    order=75,
    mutable=(
        "status",
        "wallet_id",
        "provider_id",
        "heard",
        "version",
        "paid",
        "reason",
        "asks",
        "saga_id",
        "decided",
        "owes",
        "receivable",
        "failure_code",
        "failure_detail",
        "begun_at",
        "completed_at",
    ),
)
stored(Total, totals, order=76, mutable=("day", "amount"))


def read(row: Row[Any]) -> Withdrawal:
    """The entity of a whole row."""
    return mapping(Withdrawal).load(row)
