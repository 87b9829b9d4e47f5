"""The table of callbacks that were taken."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text

from workers.callbacks.rules import Taken
from workers.runtime.stored import stored

__all__ = ["Taken", "taken"]

taken = Table(
    "taken",
    MetaData(schema="callbacks"),
    Column("id", Text, primary_key=True),
    Column("taken_at", DateTime(timezone=True), nullable=False),
)

stored(Taken, taken, order=78)
