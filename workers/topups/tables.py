"""The table of top-ups."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSON

from workers.runtime.stored import mapping, stored
from workers.topups.rules import TopUp

topups = Table(
    "topups",
    MetaData(schema="topups"),
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("wallet_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("provider_id", Text),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    Column("card_id", Text),
    Column("fee", BigInteger, nullable=False),
    Column("provider", Text, nullable=False),
    Column("heard", Text),
    Column("version", BigInteger, nullable=False),
    Column("received", BigInteger),
    Column("reason", Text),
    Column("asks", Integer, nullable=False),
    Column("saga_id", Text),
    Column("decided", Boolean, nullable=False),
    Column("owes", Text),
    Column("receivable", BigInteger, nullable=False),
    Column("booked", BigInteger, nullable=False),
    Column("parked", Boolean, nullable=False),
)
"""Columns stand in the order of `TopUp`'s fields, so a row is an entity."""

stored(
    TopUp,
    topups,
    order=40,
    mutable=(
        "status",
        "wallet_id",
        "provider_id",
        "failure_code",
        "failure_detail",
        "completed_at",
        "heard",
        "version",
        "received",
        "reason",
        "asks",
        "saga_id",
        "decided",
        "owes",
        "receivable",
        "booked",
        "parked",
    ),
)


def read(row: Row[Any]) -> TopUp:
    """The entity of a whole row."""
    return mapping(TopUp).load(row)
