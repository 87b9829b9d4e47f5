"""Providers may number their words on a payment by the millisecond."""

from migrations.scripts import run

revision = "0023"
down_revision = "0022"

TABLES = ("topups.topups", "withdrawals.withdrawals")


def upgrade() -> None:
    """Make room. Each table is written anew, and is locked meanwhile."""
    _alter("bigint")


def downgrade() -> None:
    """As it was: fails where a number has needed the room."""
    _alter("integer")


def _alter(kind: str) -> None:
    for table in TABLES:
        run(f"ALTER TABLE {table} ALTER version TYPE {kind}")
