"""Withdrawals, callbacks, and what is known of top-ups at their providers."""

from migrations.scripts import run

revision = "0018"
down_revision = "0017"

# An operator may find out that a charge was made whose name at the provider nobody has heard.
TOPUPS = """
ALTER TABLE topups.topups
    ALTER COLUMN wallet_id DROP NOT NULL,
    DROP CONSTRAINT topups_check2,
    ADD COLUMN card_id text COLLATE "C",
    ADD COLUMN fee bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),
    ADD COLUMN provider text NOT NULL DEFAULT 'sandbox',
    ADD COLUMN heard text CHECK (heard IN ('pending', 'succeeded', 'declined', 'reversed')),
    ADD COLUMN version integer NOT NULL DEFAULT 0,
    ADD COLUMN received bigint,
    ADD COLUMN reason text,
    ADD COLUMN asks integer NOT NULL DEFAULT 0,
    ADD COLUMN saga_id text,
    ADD COLUMN decided boolean NOT NULL DEFAULT false,
    ADD COLUMN owes text CHECK (owes IN ('succeeded', 'reversed')),
    ADD COLUMN receivable bigint NOT NULL DEFAULT 0 CHECK (receivable >= 0),
    ADD CHECK (wallet_id IS NOT NULL OR card_id IS NOT NULL);
UPDATE topups.topups SET heard = 'succeeded', version = 1, received = amount WHERE provider_id IS NOT NULL;
"""

WITHDRAWALS = """
CREATE SCHEMA withdrawals;
GRANT USAGE ON SCHEMA withdrawals TO saldo_app;

CREATE TABLE withdrawals.withdrawals (
    id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('pending', 'in_transit', 'paid', 'failed', 'canceled', 'unknown')),
    owner text COLLATE "C" NOT NULL,
    wallet_id text COLLATE "C",
    card_id text COLLATE "C",
    amount bigint NOT NULL CHECK (amount > 0),
    fee bigint NOT NULL CHECK (fee >= 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    beneficiary jsonb NOT NULL,
    metadata jsonb NOT NULL,
    provider text NOT NULL,
    provider_id text COLLATE "C" UNIQUE,
    heard text CHECK (heard IN ('pending', 'succeeded', 'declined', 'reversed')),
    version integer NOT NULL,
    paid bigint,
    reason text,
    asks integer NOT NULL,
    saga_id text,
    decided boolean NOT NULL,
    owes text CHECK (owes IN ('paid', 'failed')),
    receivable bigint NOT NULL CHECK (receivable >= 0),
    failure_code text,
    failure_detail text,
    created_at timestamptz NOT NULL,
    begun_at timestamptz,
    completed_at timestamptz,
    CHECK (wallet_id IS NOT NULL OR card_id IS NOT NULL),
    CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((status IN ('pending', 'in_transit', 'unknown')) = (completed_at IS NULL)),
    CHECK (status <> 'canceled' OR begun_at IS NULL)
);
CREATE INDEX withdrawals_of_owner ON withdrawals.withdrawals (owner, created_at DESC, id DESC);
CREATE INDEX withdrawals_by_time ON withdrawals.withdrawals (created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON withdrawals.withdrawals TO saldo_app;

CREATE TABLE withdrawals.totals (
    id text COLLATE "C" PRIMARY KEY,
    day date NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0)
);
GRANT SELECT, INSERT, UPDATE ON withdrawals.totals TO saldo_app;
"""

CALLBACKS = """
CREATE SCHEMA callbacks;
GRANT USAGE ON SCHEMA callbacks TO saldo_app;

CREATE TABLE callbacks.taken (
    id text COLLATE "C" PRIMARY KEY,
    reference text COLLATE "C" NOT NULL,
    status text NOT NULL,
    taken_at timestamptz NOT NULL
);
CREATE INDEX taken_by_reference ON callbacks.taken (reference);
GRANT SELECT, INSERT, UPDATE ON callbacks.taken TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TOPUPS)
    run(WITHDRAWALS)
    run(CALLBACKS)


def downgrade() -> None:
    """Remove them; what top-ups have learned goes with its columns."""
    run("DROP SCHEMA callbacks CASCADE; DROP SCHEMA withdrawals CASCADE")
    run("""
        ALTER TABLE topups.topups
            DROP COLUMN card_id, DROP COLUMN fee, DROP COLUMN provider, DROP COLUMN heard, DROP COLUMN version,
            DROP COLUMN received, DROP COLUMN reason, DROP COLUMN asks, DROP COLUMN saga_id, DROP COLUMN decided,
            DROP COLUMN owes, DROP COLUMN receivable, ALTER COLUMN wallet_id SET NOT NULL,
            ADD CONSTRAINT topups_check2 CHECK (status NOT IN ('succeeded', 'reversed') OR provider_id IS NOT NULL)
    """)
