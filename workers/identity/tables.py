"""The tables of people and their sessions."""

from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from workers.identity.rules import Session, User
from workers.runtime.stored import mapping, stored

metadata = MetaData(schema="identity")

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("roles", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Columns stand in the order of `User`'s fields, so a row is an entity."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("address", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Likewise, of `Session`'s."""

stored(User, users, order=5, mutable=("email", "password_hash", "first_name", "last_name", "status", "roles"))
stored(Session, sessions, order=6)


def read(row: Row[Any]) -> User:
    """The entity of a whole row of `users`."""
    return mapping(User).load(row)
