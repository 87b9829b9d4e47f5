"""Callbacks are remembered for a while, by their ids alone."""

from migrations.scripts import run

revision = "0027"
down_revision = "0026"

# The version before this one still writes both columns; nobody reads them.
CHANGES = """
DROP INDEX callbacks.taken_by_reference;
ALTER TABLE callbacks.taken
    ALTER COLUMN reference DROP NOT NULL,
    ALTER COLUMN status DROP NOT NULL;
CREATE INDEX taken_by_time ON callbacks.taken (taken_at);
GRANT DELETE ON callbacks.taken TO saldo_app;
"""


def upgrade() -> None:
    """Let them be forgotten."""
    run(CHANGES)


def downgrade() -> None:
    """Keep them for ever; what they were about is not known any more."""
    run("""
        REVOKE DELETE ON callbacks.taken FROM saldo_app;
        DROP INDEX callbacks.taken_by_time;
        UPDATE callbacks.taken SET reference = coalesce(reference, ''), status = coalesce(status, '')
            WHERE reference IS NULL OR status IS NULL;
        ALTER TABLE callbacks.taken
            ALTER COLUMN reference SET NOT NULL,
            ALTER COLUMN status SET NOT NULL;
        CREATE INDEX taken_by_reference ON callbacks.taken (reference);
    """)
