"""The tables of reconciliation: our side, the newest comparison of each day, and exceptions."""

from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, MetaData, Table, Text

from workers.reconciliation.rules import Entry, Item, Run
from workers.runtime.stored import stored

metadata = MetaData(schema="reconciliation")
Time = DateTime(timezone=True)
Id = Text(collation="C")

entries = Table(
    "entries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", Text, nullable=False),
    Column("reference", Id, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("at", Time, nullable=False),
    Column("provider", Text, nullable=False),
)
runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("missing_here", Integer, nullable=False),
    Column("missing_there", Integer, nullable=False),
    Column("different", Integer, nullable=False),
    Column("compared_at", Time, nullable=False),
)
items = Table(
    "items",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("reference", Id, nullable=False),
    Column("provider_id", Text),
    Column("ours", BigInteger),
    Column("ours_currency", Text),
    Column("theirs", BigInteger),
    Column("theirs_currency", Text),
    Column("status", Text, nullable=False),
    Column("found_at", Time, nullable=False),
    Column("resolved_at", Time),
    Column("resolved_by", Text),
    Column("resolved_reason", Text),
)
"""Columns stand in the order of the entities' fields, so a row is an entity."""

stored(Entry, entries, order=80)
stored(Run, runs, order=81, mutable=("matched", "missing_here", "missing_there", "different", "compared_at"))
stored(
    Item,
    items,
    order=82,
    mutable=(
        "kind",
        "provider_id",
        "ours",
        "ours_currency",
        "theirs",
        "theirs_currency",
        "status",
        "found_at",
        "resolved_at",
        "resolved_by",
        "resolved_reason",
    ),
)
