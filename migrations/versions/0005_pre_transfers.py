"""Transfers' table."""

from migrations.scripts import run

revision = "0005"
down_revision = "0004"

# Fill factor: a transfer that is not over within its batch is updated once, on its own page if it fits.
TABLES = """
CREATE SCHEMA transfers;
GRANT USAGE ON SCHEMA transfers TO saldo_app;

CREATE TABLE transfers.transfers (
    id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
    sender text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    destination text COLLATE "C",
    email text COLLATE "C",
    recipient text COLLATE "C",
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    note text,
    metadata jsonb NOT NULL,
    failure_code text,
    failure_detail text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    CHECK (source <> destination),
    CHECK (destination IS NOT NULL OR (email IS NOT NULL AND status <> 'completed')),
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status = 'pending') = (completed_at IS NULL))
) WITH (fillfactor = 90);
CREATE INDEX transfers_sent ON transfers.transfers (sender, created_at DESC, id DESC);
CREATE INDEX transfers_received ON transfers.transfers (recipient, created_at DESC, id DESC)
    WHERE recipient IS NOT NULL;
CREATE INDEX transfers_by_time ON transfers.transfers (created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON transfers.transfers TO saldo_app;
"""


def upgrade() -> None:
    """Make it."""
    run(TABLES)


def downgrade() -> None:
    """Remove it."""
    run("DROP SCHEMA transfers CASCADE")
