"""Top-ups' table."""

from migrations.scripts import run

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE SCHEMA topups;
GRANT USAGE ON SCHEMA topups TO saldo_app;

CREATE TABLE topups.topups (
    id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'unknown', 'reversed')),
    owner text COLLATE "C" NOT NULL,
    wallet_id text COLLATE "C" NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    method text NOT NULL,
    metadata jsonb NOT NULL,
    provider_id text COLLATE "C" UNIQUE,
    failure_code text,
    failure_detail text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status IN ('pending', 'unknown')) = (completed_at IS NULL)),
    CHECK (status NOT IN ('succeeded', 'reversed') OR provider_id IS NOT NULL)
);
CREATE INDEX topups_of_owner ON topups.topups (owner, created_at DESC, id DESC);
CREATE INDEX topups_by_time ON topups.topups (created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON topups.topups TO saldo_app;
"""


def upgrade() -> None:
    """Make it."""
    run(TABLES)


def downgrade() -> None:
    """Remove it."""
    run("DROP SCHEMA topups CASCADE")
