"""What operations show once, sealed, for some minutes."""

from migrations.scripts import run

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE runtime.reveals (
    id text COLLATE "C" PRIMARY KEY,
    principal text COLLATE "C" NOT NULL,
    sealed text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX reveals_expires_at ON runtime.reveals (expires_at);
GRANT SELECT, INSERT, DELETE ON runtime.reveals TO saldo_app;
"""


def upgrade() -> None:
    """Make their table."""
    run(TABLES)


def downgrade() -> None:
    """Remove it."""
    run("DROP TABLE runtime.reveals")
