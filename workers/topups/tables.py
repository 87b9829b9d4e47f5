"""The table of top-ups."""

from sqlalchemy import BigInteger, Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

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
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("completed_at", TIMESTAMP(timezone=True)),
)
"""Columns stand in the order of `TopUp`'s fields, so a row is an entity."""
