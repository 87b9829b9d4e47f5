"""People are changed, archived and purged."""

from migrations.scripts import run

revision = "0019"
down_revision = "0018"

CHANGES = """
ALTER TABLE identity.users
    ADD COLUMN archived_at timestamptz,
    DROP CONSTRAINT users_status_check,
    ADD CONSTRAINT users_status_check CHECK (status IN ('active', 'archived', 'purged'));
UPDATE identity.users SET archived_at = now() WHERE status = 'archived';

CREATE INDEX users_by_time ON identity.users (created_at DESC, id DESC);
CREATE INDEX users_by_status ON identity.users (status);
GRANT DELETE ON identity.users, identity.sessions TO saldo_app;
"""


def upgrade() -> None:
    """Make room for it."""
    run(CHANGES)


def downgrade() -> None:
    """Take it back: for databases in which nobody was purged."""
    run("""
    REVOKE DELETE ON identity.users, identity.sessions FROM saldo_app;
    DROP INDEX identity.users_by_time, identity.users_by_status;
    ALTER TABLE identity.users
        DROP CONSTRAINT users_status_check,
        ADD CONSTRAINT users_status_check CHECK (status IN ('active', 'archived')),
        DROP COLUMN archived_at;
    """)
