"""Cards and merchants note whether the people behind them are archived, by the newest word on them."""

from migrations.scripts import run

revision = "0025"
down_revision = "0024"

# Whoever is archived already is noted here: no event will tell of them.
TABLES = """
CREATE TABLE cards.holders (
    id text COLLATE "C" PRIMARY KEY,
    archived boolean NOT NULL,
    version bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON cards.holders TO saldo_app;
INSERT INTO cards.holders SELECT id, true, version FROM identity.users WHERE status <> 'active';
ALTER TABLE cards.cards ADD holder_archived boolean NOT NULL DEFAULT false;
UPDATE cards.cards AS c SET holder_archived = true FROM cards.holders AS h WHERE h.id = c.owner;

CREATE TABLE merchants.owners (
    id text COLLATE "C" PRIMARY KEY,
    archived boolean NOT NULL,
    version bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON merchants.owners TO saldo_app;
INSERT INTO merchants.owners SELECT id, true, version FROM identity.users WHERE status <> 'active';
ALTER TABLE merchants.merchants ADD owner_archived boolean NOT NULL DEFAULT false;
UPDATE merchants.merchants AS m SET owner_archived = true FROM merchants.owners AS o WHERE o.id = m.owner;
"""


def upgrade() -> None:
    """Make them. Workers of before insert cards and merchants without the new column, so its default stays."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run(
        """
        ALTER TABLE cards.cards DROP holder_archived;
        ALTER TABLE merchants.merchants DROP owner_archived;
        DROP TABLE cards.holders, merchants.owners;
        """
    )
