"""The table of transfers."""

from sqlalchemy import BigInteger, Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

transfers = Table(
    "transfers",
    MetaData(schema="transfers"),
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("destination", Text),
    Column("email", Text),
    Column("recipient", Text),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("note", Text),
    Column("metadata", JSONB, nullable=False),
    Column("failure_code", Text),
    Column("failure_detail", Text),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("completed_at", TIMESTAMP(timezone=True)),
)
"""Columns stand in the order of `Transfer`'s fields, so a row is an entity."""
