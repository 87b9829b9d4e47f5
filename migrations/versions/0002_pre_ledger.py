"""The ledger: accounts, holds and movements, and what the database itself refuses to do to them."""

from migrations.scripts import run

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO saldo_app;

CREATE TABLE ledger.accounts (
    id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    role text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    label text,
    status text NOT NULL CHECK (status IN ('active', 'frozen', 'closed')),
    frozen_by text,
    posted bigint NOT NULL,
    held bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamptz NOT NULL,
    -- Only to be referred to: a movement has the currency of both its accounts.
    UNIQUE (id, currency),
    CONSTRAINT held_is_not_negative CHECK (held >= 0),
    CONSTRAINT wallets_are_not_overdrawn CHECK (role <> 'customer' OR posted - held >= 0),
    CONSTRAINT sequence_is_not_negative CHECK (sequence >= 0),
    -- Else a misspelt role would be a way around the line above.
    CONSTRAINT system_owns_all_but_wallets CHECK ((owner = 'system') = (role <> 'customer')),
    CONSTRAINT frozen_by_somebody CHECK ((status = 'frozen') = (frozen_by IS NOT NULL)),
    CONSTRAINT closed_is_empty CHECK (status <> 'closed' OR (posted = 0 AND held = 0))
) WITH (fillfactor = 70);
-- No index has a column that money changes, so that a new balance never touches one (a heap-only update).
CREATE INDEX accounts_of_owner ON ledger.accounts (owner, created_at, id);
CREATE INDEX accounts_newest ON ledger.accounts (created_at, id) WHERE role = 'customer';

CREATE TABLE ledger.holds (
    id text COLLATE "C" PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL,
    to_account text COLLATE "C",
    amount bigint NOT NULL,
    remaining bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'captured', 'released', 'expired')),
    operation_id text NOT NULL,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT remaining_is_of_amount CHECK (remaining BETWEEN 0 AND amount),
    CONSTRAINT ended_or_open CHECK ((status = 'open') = (ended_at IS NULL)),
    CONSTRAINT ended_holds_hold_nothing CHECK ((status = 'open') = (remaining > 0))
) WITH (fillfactor = 90);
-- No foreign key: a hold moves no money, a release may come before its hold, and verification compares
-- the open ones (few: one that is settled in its own batch never enters this index) with `held`.
CREATE INDEX holds_open ON ledger.holds (account_id) WHERE status = 'open';

CREATE TABLE ledger.movements (
    -- A message makes the same ids each time, so that this key is the last line against posting it twice.
    id text COLLATE "C" PRIMARY KEY,
    debit_account text COLLATE "C" NOT NULL,
    credit_account text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL,
    operation_id text NOT NULL,
    hold_id text,
    debit_seq bigint NOT NULL,
    credit_seq bigint NOT NULL,
    debit_balance_after bigint NOT NULL,
    credit_balance_after bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT amount_is_positive CHECK (amount > 0),
    CONSTRAINT accounts_differ CHECK (debit_account <> credit_account),
    CONSTRAINT sequences_are_positive CHECK (debit_seq > 0 AND credit_seq > 0),
    FOREIGN KEY (debit_account, currency) REFERENCES ledger.accounts (id, currency),
    FOREIGN KEY (credit_account, currency) REFERENCES ledger.accounts (id, currency)
);
-- A statement is read from these two, each side of an account in the order of its own count.
CREATE UNIQUE INDEX movements_debits ON ledger.movements (debit_account, debit_seq DESC);
CREATE UNIQUE INDEX movements_credits ON ledger.movements (credit_account, credit_seq DESC);
"""

GUARDS = """
CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on ledger.% is refused: money is corrected by another movement', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- Statement triggers see no rows and cost an INSERT nothing; they hold for the owner of the tables too.
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.movements
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER undeletable BEFORE DELETE OR TRUNCATE ON ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER undeletable BEFORE DELETE OR TRUNCATE ON ledger.holds
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

GRANT SELECT, INSERT ON ledger.movements TO saldo_app;
GRANT SELECT, INSERT ON ledger.accounts TO saldo_app;
GRANT UPDATE (label, status, frozen_by, posted, held, sequence) ON ledger.accounts TO saldo_app;
GRANT SELECT, INSERT, UPDATE (remaining, status, ended_at) ON ledger.holds TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES + GUARDS)


def downgrade() -> None:
    """Remove them: for databases without money in them."""
    run("DROP SCHEMA ledger CASCADE")
