"""What is unknown is counted again and again: an index of just that."""

from migrations.scripts import run

revision = "0020"
down_revision = "0019"

INDEXES = """
CREATE INDEX topups_unknown ON topups.topups (created_at) WHERE status = 'unknown';
CREATE INDEX withdrawals_unknown ON withdrawals.withdrawals (created_at) WHERE status = 'unknown';
"""


def upgrade() -> None:
    """Make them."""
    run(INDEXES)


def downgrade() -> None:
    """Remove them."""
    run("DROP INDEX topups.topups_unknown; DROP INDEX withdrawals.withdrawals_unknown")
