"""Somebody who is purged stays a while without a name, then goes with all that only makes sense beside them."""

from migrations.scripts import run

revision = "0021"
down_revision = "0020"

CHANGES = """
ALTER TABLE identity.users
    DROP CONSTRAINT users_status_check,
    ADD CONSTRAINT users_status_check CHECK (status IN ('active', 'archived', 'purged', 'removed'));
DROP INDEX identity.users_by_status;
CREATE INDEX users_by_status ON identity.users (status, changed_at);
-- An index of admins alone can't serve a lookup by whatever value is asked for.
CREATE INDEX users_by_admin ON identity.users (admin);
DROP INDEX identity.users_admins;

ALTER TABLE identity.sessions
    DROP CONSTRAINT sessions_user_id_fkey,
    ADD FOREIGN KEY (user_id) REFERENCES identity.users ON DELETE CASCADE;
"""


def upgrade() -> None:
    """Make room for it."""
    run(CHANGES)


def downgrade() -> None:
    """Take it back: for databases in which nobody was removed."""
    run(
        """
        ALTER TABLE identity.sessions
            DROP CONSTRAINT sessions_user_id_fkey,
            ADD FOREIGN KEY (user_id) REFERENCES identity.users;
        CREATE INDEX users_admins ON identity.users (id) WHERE admin;
        DROP INDEX identity.users_by_admin, identity.users_by_status;
        CREATE INDEX users_by_status ON identity.users (status);
        ALTER TABLE identity.users
            DROP CONSTRAINT users_status_check,
            ADD CONSTRAINT users_status_check CHECK (status IN ('active', 'archived', 'purged'));
        """
    )
