"""The table of transfers."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSON

from workers.runtime.stored import mapping, stored
from workers.transfers.rules import Transfer

transfers = Table(
    "transfers",
    MetaData(schema="transfers"),
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("source", Text),
    Column("destination", Text),
    Column("email", Text),
    Column("recipient", Text),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("note", Text),
    Column("metadata", JSON, nullable=False),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    Column("source_card", Text),
    Column("destination_card", Text),
)
"""Columns stand in the order of `Transfer`'s fields, so a row is an entity."""

stored(
    Transfer,
    transfers,
    order=50,
    mutable=("status", "source", "destination", "recipient", "failure_code", "failure_detail", "completed_at"),
)


def read(row: Row[Any]) -> Transfer:
    """The entity of a whole row."""
    return mapping(Transfer).load(row)
