"""Reconciliation's tables."""

from migrations.scripts import run

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE SCHEMA reconciliation;
GRANT USAGE ON SCHEMA reconciliation TO saldo_app;

CREATE TABLE reconciliation.entries (
    id text COLLATE "C" PRIMARY KEY,
    type text NOT NULL CHECK (type IN ('charge', 'payout', 'charge_reversal', 'payout_reversal')),
    reference text COLLATE "C" NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    day date NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (type, reference)
);
CREATE INDEX entries_by_day ON reconciliation.entries (day);
GRANT SELECT, INSERT ON reconciliation.entries TO saldo_app;
-- FOR NO KEY UPDATE asks for it; no column of these rows ever changes.
GRANT UPDATE (at) ON reconciliation.entries TO saldo_app;

CREATE TABLE reconciliation.runs (
    id text COLLATE "C" PRIMARY KEY,
    provider text NOT NULL,
    day date NOT NULL,
    matched integer NOT NULL,
    missing_here integer NOT NULL,
    missing_there integer NOT NULL,
    different integer NOT NULL,
    compared_at timestamptz NOT NULL,
    UNIQUE (provider, day)
);
CREATE INDEX runs_by_time ON reconciliation.runs (compared_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON reconciliation.runs TO saldo_app;

CREATE TABLE reconciliation.items (
    id text COLLATE "C" PRIMARY KEY,
    run_id text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('missing_here', 'missing_there', 'different')),
    type text NOT NULL,
    reference text COLLATE "C" NOT NULL,
    provider_id text,
    ours bigint,
    ours_currency text,
    theirs bigint,
    theirs_currency text,
    status text NOT NULL CHECK (status IN ('open', 'resolved', 'settled')),
    found_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    resolved_reason text,
    CHECK ((status = 'open') = (resolved_at IS NULL)),
    CHECK ((status = 'resolved') = (resolved_reason IS NOT NULL))
);
CREATE INDEX items_of_run ON reconciliation.items (run_id);
CREATE INDEX items_open ON reconciliation.items (found_at) WHERE status = 'open';
GRANT SELECT, INSERT, UPDATE ON reconciliation.items TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP SCHEMA reconciliation CASCADE")
