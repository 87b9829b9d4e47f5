"""The table of top-ups."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from workers.runtime.stored import mapping, stored
from workers.topups.rules import TopUp

topups = Table(
    "topups",
    MetaData(schema="topups"),
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("wallet_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("provider_id", Text),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
)
"""Columns stand in the order of `TopUp`'s fields, so a row is an entity."""

stored(
    TopUp,
    topups,
    order=40,
    mutable=("status", "provider_id", "failure_code", "failure_detail", "completed_at"),
)


def read(row: Row[Any]) -> TopUp:
    """The entity of a whole row."""
    return mapping(TopUp).load(row)
