"""Transfers from and to cards, whose wallets are known when the money has moved."""

from migrations.scripts import run

revision = "0012"
down_revision = "0011"

CHANGES = """
ALTER TABLE transfers.transfers
    ADD COLUMN source_card text COLLATE "C",
    ADD COLUMN destination_card text COLLATE "C",
    ALTER COLUMN source DROP NOT NULL,
    DROP CONSTRAINT transfers_check1,
    ADD CONSTRAINT transfers_source_named CHECK (
        source IS NOT NULL OR (source_card IS NOT NULL AND status <> 'completed')),
    ADD CONSTRAINT transfers_destination_named CHECK (
        destination IS NOT NULL OR (num_nonnulls(email, destination_card) = 1 AND status <> 'completed'));
"""
BACK = """
ALTER TABLE transfers.transfers
    DROP CONSTRAINT transfers_source_named,
    DROP CONSTRAINT transfers_destination_named,
    ADD CONSTRAINT transfers_check1 CHECK (destination IS NOT NULL OR (email IS NOT NULL AND status <> 'completed')),
    ALTER COLUMN source SET NOT NULL,
    DROP COLUMN source_card,
    DROP COLUMN destination_card;
"""


def upgrade() -> None:
    """Make room for them."""
    run(CHANGES)


def downgrade() -> None:
    """Remove it; fails once a transfer from a card has failed, for that has no source."""
    run(BACK)
