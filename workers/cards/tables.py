"""The tables of cards, of what was spent on them, and of what guards them."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Row, Table, Text

from workers.cards.holders import Holder
from workers.cards.rules import Card
from workers.cards.tokens import Token, Tries
from workers.cards.usage import Spend, Usage
from workers.runtime.stored import mapping, stored

metadata = MetaData(schema="cards")

Time = DateTime(timezone=True)

cards = Table(
    "cards",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("wallet_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("bin", Text, nullable=False),
    Column("last4", Text, nullable=False),
    Column("pan_hash", Text, nullable=False, unique=True),
    Column("pan_sealed", Text, nullable=False),
    Column("exp_month", Integer, nullable=False),
    Column("exp_year", Integer, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("status", Text, nullable=False),
    Column("frozen_by", Text),
    Column("label", Text),
    Column("per_payment", BigInteger),
    Column("daily", BigInteger),
    Column("monthly", BigInteger),
    Column("created_at", Time, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("archived_at", Time),
    Column("holder_archived", Boolean, nullable=False),
)
usage = Table(
    "usage",
    metadata,
    Column("id", Text, primary_key=True),
    Column("day", Text, nullable=False),
    Column("day_count", BigInteger, nullable=False),
    Column("day_amount", BigInteger, nullable=False),
    Column("month", Text, nullable=False),
    Column("month_count", BigInteger, nullable=False),
    Column("month_amount", BigInteger, nullable=False),
    Column("total_count", BigInteger, nullable=False),
    Column("total_amount", BigInteger, nullable=False),
    Column("declined", BigInteger, nullable=False),
    Column("last_spent_at", Time),
)
spends = Table(
    "spends",
    metadata,
    Column("id", Text, primary_key=True),
    Column("card_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("undone_at", Time),
)
tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("card_id", Text, nullable=False),
    Column("used_by", Text),
    Column("expires_at", Time, nullable=False),
)
tries = Table(
    "tries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("since", Time, nullable=False),
    Column("blocked_until", Time),
)
holders = Table(
    "holders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("archived", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)
"""Columns stand in the order of the entities' fields, so a row is an entity."""

stored(
    Card,
    cards,
    order=60,
    mutable=(
        "status",
        "frozen_by",
        "label",
        "per_payment",
        "daily",
        "monthly",
        "archived",
        "archived_at",
        "holder_archived",
    ),
)
stored(
    Usage,
    usage,
    order=61,
    mutable=tuple(name for name in Usage._fields if name != "id"),
)
stored(Spend, spends, order=62, mutable=("status", "undone_at"))
stored(Token, tokens, order=63, mutable=("used_by",))
stored(Holder, holders, order=59, mutable=("archived", "version"))
stored(Tries, tries, order=64, mutable=("number", "since", "blocked_until"))


def read(row: Row[Any]) -> Card:
    """The entity of a whole row of `cards`."""
    return mapping(Card).load(row)
