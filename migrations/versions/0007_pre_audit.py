"""The audit trail: entries that the database lets nobody change or remove."""

from migrations.scripts import run

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE SCHEMA operations;
GRANT USAGE ON SCHEMA operations TO saldo_app;

CREATE TABLE operations.audit (
    id text COLLATE "C" PRIMARY KEY,
    actor text COLLATE "C" NOT NULL CHECK (actor <> ''),
    action text COLLATE "C" NOT NULL CHECK (action <> ''),
    object text COLLATE "C" NOT NULL CHECK (object <> ''),
    before jsonb,
    after jsonb,
    address text,
    request_id text,
    operation_id text COLLATE "C",
    reason text,
    created_at timestamptz NOT NULL
);
CREATE INDEX audit_by_time ON operations.audit (created_at DESC, id DESC);
CREATE INDEX audit_by_actor ON operations.audit (actor, created_at DESC, id DESC);
CREATE INDEX audit_by_object ON operations.audit (object, created_at DESC, id DESC);
CREATE INDEX audit_by_action ON operations.audit (action, created_at DESC, id DESC);

CREATE FUNCTION operations.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on operations.% is refused: what was done stays written', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- It holds for the owner of the table too; a statement trigger costs an INSERT nothing.
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON operations.audit
    FOR EACH STATEMENT EXECUTE FUNCTION operations.refuse();
GRANT SELECT, INSERT ON operations.audit TO saldo_app;
"""


def upgrade() -> None:
    """Make it."""
    run(TABLES)


def downgrade() -> None:
    """Remove it."""
    run("DROP SCHEMA operations CASCADE")
