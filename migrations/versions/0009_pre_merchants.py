"""Merchants' tables."""

from migrations.scripts import run

revision = "0009"
down_revision = "0008"

# A merchant takes its keys with it: whoever purges many has not loaded the keys of each.
TABLES = """
CREATE SCHEMA merchants;
GRANT USAGE ON SCHEMA merchants TO saldo_app;

CREATE TABLE merchants.merchants (
    id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'active', 'suspended')),
    currency text NOT NULL CHECK (length(currency) = 3),
    wallets jsonb NOT NULL,
    fee_fixed bigint NOT NULL CHECK (fee_fixed >= 0),
    fee_basis_points integer NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
    webhook_url text,
    created_at timestamptz NOT NULL,
    archived boolean NOT NULL,
    archived_at timestamptz,
    CHECK (archived = (archived_at IS NOT NULL)),
    CHECK (status = 'pending' OR wallets ? currency)
);
CREATE INDEX merchants_of_owner ON merchants.merchants (owner, created_at DESC, id DESC);
CREATE INDEX merchants_by_time ON merchants.merchants (created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE, DELETE ON merchants.merchants TO saldo_app;

CREATE TABLE merchants.api_keys (
    id text COLLATE "C" PRIMARY KEY,
    merchant_id text COLLATE "C" NOT NULL REFERENCES merchants.merchants ON DELETE CASCADE,
    name text NOT NULL,
    prefix text NOT NULL,
    hash text COLLATE "C" NOT NULL UNIQUE,
    scopes jsonb NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    replaced_by text COLLATE "C"
);
CREATE INDEX api_keys_of_merchant ON merchants.api_keys (merchant_id, created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON merchants.api_keys TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP SCHEMA merchants CASCADE")
