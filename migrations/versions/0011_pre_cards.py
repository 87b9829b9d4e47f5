"""Cards' tables."""

from migrations.scripts import run

revision = "0011"
down_revision = "0010"

# Fill factors: counters are updated again and again, each on its own page if it fits.
TABLES = """
CREATE SCHEMA cards;
GRANT USAGE ON SCHEMA cards TO saldo_app;

CREATE TABLE cards.cards (
    id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    wallet_id text COLLATE "C" NOT NULL,
    currency text NOT NULL CHECK (length(currency) = 3),
    brand text NOT NULL,
    type text NOT NULL CHECK (type IN ('debit', 'prepaid', 'credit')),
    bin text NOT NULL CHECK (bin ~ '^[0-9]{6}$'),
    last4 text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
    pan_hash text COLLATE "C" NOT NULL UNIQUE,
    pan_sealed text COLLATE "C" NOT NULL,
    exp_month integer NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
    exp_year integer NOT NULL,
    expires_at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'frozen', 'canceled')),
    frozen_by text,
    label text,
    per_payment bigint CHECK (per_payment > 0),
    daily bigint CHECK (daily > 0),
    monthly bigint CHECK (monthly > 0),
    created_at timestamptz NOT NULL,
    archived boolean NOT NULL,
    archived_at timestamptz,
    CHECK ((status = 'frozen') = (frozen_by IS NOT NULL)),
    CHECK (archived = (archived_at IS NOT NULL))
) WITH (fillfactor = 90);
CREATE INDEX cards_of_owner ON cards.cards (owner, created_at DESC, id DESC);
CREATE INDEX cards_by_time ON cards.cards (created_at DESC, id DESC);
CREATE INDEX cards_archived ON cards.cards (owner) WHERE archived;
-- By the key that sealed the number, so that what an older one sealed is found.
CREATE INDEX cards_by_key ON cards.cards (split_part(pan_sealed, '.', 1), id);
GRANT SELECT, INSERT, UPDATE, DELETE ON cards.cards TO saldo_app;

CREATE TABLE cards.usage (
    id text COLLATE "C" PRIMARY KEY,
    day text NOT NULL,
    day_count bigint NOT NULL CHECK (day_count >= 0),
    day_amount bigint NOT NULL CHECK (day_amount >= 0),
    month text NOT NULL,
    month_count bigint NOT NULL CHECK (month_count >= 0),
    month_amount bigint NOT NULL CHECK (month_amount >= day_amount OR month <> left(day, 7)),
    total_count bigint NOT NULL CHECK (total_count >= 0),
    total_amount bigint NOT NULL CHECK (total_amount >= 0),
    declined bigint NOT NULL CHECK (declined >= 0),
    last_spent_at timestamptz
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON cards.usage TO saldo_app;

CREATE TABLE cards.spends (
    id text COLLATE "C" PRIMARY KEY,
    card_id text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('spent', 'undone')),
    created_at timestamptz NOT NULL,
    undone_at timestamptz,
    CHECK (amount > 0 OR status = 'undone'),
    CHECK ((status = 'undone') = (undone_at IS NOT NULL))
);
GRANT SELECT, INSERT, UPDATE ON cards.spends TO saldo_app;

CREATE TABLE cards.tokens (
    id text COLLATE "C" PRIMARY KEY,
    card_id text COLLATE "C" NOT NULL,
    used_by text COLLATE "C",
    expires_at timestamptz NOT NULL
);
CREATE INDEX tokens_expires_at ON cards.tokens (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON cards.tokens TO saldo_app;

CREATE TABLE cards.tries (
    id text COLLATE "C" PRIMARY KEY,
    number integer NOT NULL CHECK (number >= 0),
    since timestamptz NOT NULL,
    blocked_until timestamptz
);
CREATE INDEX tries_since ON cards.tries (since);
GRANT SELECT, INSERT, UPDATE, DELETE ON cards.tries TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP SCHEMA cards CASCADE")
