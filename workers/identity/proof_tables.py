"""The tables of what proves who somebody is, beside the password: attempts, authenticators and resets."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Integer, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from workers.identity.lockouts import Attempts
from workers.identity.resets import Reset
from workers.identity.tables import metadata
from workers.identity.totp import Totp
from workers.runtime.stored import mapping, stored

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("people", Integer, nullable=False),
    Column("failed_at", DateTime(timezone=True)),
    Column("locked_until", DateTime(timezone=True)),
    Column("touched_at", DateTime(timezone=True), nullable=False),
)
"""Columns stand in the order of `Attempts`' fields, so a row is an entity."""

totps = Table(
    "totps",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("recovery", JSONB, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Likewise, of `Totp`'s."""

resets = Table(
    "resets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)
"""Likewise, of `Reset`'s."""

stored(Attempts, attempts, order=15, mutable=("failures", "people", "failed_at", "locked_until", "touched_at"))
stored(Totp, totps, order=16, mutable=("sealed", "recovery", "last_step", "confirmed_at", "created_at"))
stored(Reset, resets, order=17, mutable=("used_at",))


def read_attempts(row: Row[Any]) -> Attempts:
    """The entity of a whole row of `attempts`."""
    return mapping(Attempts).load(row)


def read_reset(row: Row[Any]) -> Reset:
    """Likewise, of `resets`."""
    return mapping(Reset).load(row)
