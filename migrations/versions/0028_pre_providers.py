"""Several providers: our side of a statement says whose it is, and each numbers its payments for itself."""

from migrations.scripts import run

revision = "0028"
down_revision = "0027"

TABLES = ("topups.topups", "withdrawals.withdrawals")


def upgrade() -> None:
    """Whatever there is was the sandbox's, for nobody else was there."""
    run("ALTER TABLE reconciliation.entries ADD COLUMN provider text NOT NULL DEFAULT 'sandbox'")
    _alter("provider, provider_id")


def downgrade() -> None:
    """Forget it: fails where two providers have used the same name."""
    run("ALTER TABLE reconciliation.entries DROP COLUMN provider")
    _alter("provider_id")


def _alter(columns: str) -> None:
    for table in TABLES:
        name = f"{table.partition('.')[2]}_provider_id_key"
        run(f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} UNIQUE ({columns})")
