"""The tables of people, their sessions and roles."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from workers.identity.roles import Role
from workers.identity.rules import User
from workers.identity.sessions import RefreshToken, Session
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
    Column("admin", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("archived_at", DateTime(timezone=True)),
)
"""Columns stand in the order of `User`'s fields, so a row is an entity."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("address", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("device", Text),
    Column("open", Boolean, nullable=False),
    Column("last_used_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
"""Likewise, of `Session`'s."""

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)
"""Likewise, of `RefreshToken`'s."""

roles = Table(
    "roles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("description", Text),
    Column("permissions", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Likewise, of `Role`'s."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("signs_from", DateTime(timezone=True), nullable=False),
    Column("alone_from", DateTime(timezone=True), nullable=False),
    Column("retires_at", DateTime(timezone=True)),
)
"""Columns stand in the order of `keyring.KeyRow`'s fields."""

USER_CHANGES = (
    "email", "password_hash", "first_name", "last_name", "status", "roles", "admin", "version", "changed_at",
    "archived_at",
)  # fmt: skip

stored(User, users, order=5, mutable=USER_CHANGES)
stored(Session, sessions, order=6, mutable=("address", "device", "open", "last_used_at", "ended_at"))
stored(RefreshToken, refresh_tokens, order=7, mutable=("used_at",))
stored(Role, roles, order=8, mutable=("description", "permissions", "status", "version"))


def read(row: Row[Any]) -> User:
    """The entity of a whole row of `users`."""
    return mapping(User).load(row)


def read_role(row: Row[Any]) -> Role:
    """Likewise, of `roles`."""
    return mapping(Role).load(row)
