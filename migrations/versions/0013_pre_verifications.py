"""What is known of the ledger's soundness: the newest measurement, and verifications that were asked for."""

from migrations.scripts import run

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE ledger.measurements (
    id text COLLATE "C" PRIMARY KEY,
    found jsonb NOT NULL,
    measured_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON ledger.measurements TO saldo_app;

CREATE TABLE ledger.verifications (
    id text COLLATE "C" PRIMARY KEY,
    sound boolean NOT NULL,
    report jsonb NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL
);
CREATE INDEX verifications_by_time ON ledger.verifications (finished_at DESC);
GRANT SELECT, INSERT ON ledger.verifications TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP TABLE ledger.measurements; DROP TABLE ledger.verifications")
