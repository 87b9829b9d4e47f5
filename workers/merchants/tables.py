"""The tables of merchants and their API keys."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from workers.merchants.api_keys import ApiKey
from workers.merchants.owners import Owner
from workers.merchants.rules import Merchant
from workers.runtime.stored import mapping, stored

metadata = MetaData(schema="merchants")

Time = DateTime(timezone=True)

merchants = Table(
    "merchants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("wallets", JSONB, nullable=False),
    Column("fee_fixed", BigInteger, nullable=False),
    Column("fee_basis_points", Integer, nullable=False),
    Column("webhook_url", Text),
    Column("created_at", Time, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("archived_at", Time),
    Column("owner_archived", Boolean, nullable=False),
)
"""Columns stand in the order of `Merchant`'s fields, so a row is an entity."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("merchant_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("scopes", JSONB, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("last_used_at", Time),
    Column("revoked_at", Time),
    Column("replaced_by", Text),
)
"""Likewise, of `ApiKey`'s."""

owners = Table(
    "owners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("archived", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)
"""Likewise, of `Owner`'s."""

stored(
    Merchant,
    merchants,
    order=65,
    mutable=(
        "name",
        "status",
        "wallets",
        "fee_fixed",
        "fee_basis_points",
        "webhook_url",
        "archived",
        "archived_at",
        "owner_archived",
    ),
)
stored(Owner, owners, order=58, mutable=("archived", "version"))
stored(ApiKey, api_keys, order=66, mutable=("expires_at", "last_used_at", "revoked_at", "replaced_by"))


def read(row: Row[Any]) -> Merchant:
    """The entity of a whole row of `merchants`."""
    return mapping(Merchant).load(row)


def read_key(row: Row[Any]) -> ApiKey:
    """The entity of a whole row of `api_keys`."""
    return mapping(ApiKey).load(row)
