"""Identity's signing keys that are made by command."""

from migrations.scripts import run

revision = "0016"
down_revision = "0015"

TABLES = """
CREATE TABLE identity.signing_keys (
    id text COLLATE "C" PRIMARY KEY,
    public text NOT NULL,
    sealed text NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    -- From when on the keys of the settings are no longer believed.
    alone_from timestamptz NOT NULL,
    retires_at timestamptz
);
GRANT SELECT, INSERT, UPDATE ON identity.signing_keys TO saldo_app;
"""


def upgrade() -> None:
    """Make it."""
    run(TABLES)


def downgrade() -> None:
    """Remove it."""
    run("DROP TABLE identity.signing_keys")
