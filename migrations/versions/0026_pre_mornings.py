"""Which days the clock has had compared on which morning."""

from migrations.scripts import run

revision = "0026"
down_revision = "0025"

TABLE = """
CREATE TABLE reconciliation.mornings (
    morning date NOT NULL,
    provider text NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (morning, provider, day)
);
GRANT SELECT, INSERT, DELETE ON reconciliation.mornings TO saldo_app;
"""


def upgrade() -> None:
    """Make room for it."""
    run(TABLE)


def downgrade() -> None:
    """Forget it: what is due this morning is scheduled again."""
    run("DROP TABLE reconciliation.mornings")
