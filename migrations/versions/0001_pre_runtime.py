"""The runtime's own tables: operations, inbox, untold bundles, sagas, timers, dead letters."""

from migrations.scripts import run

revision = "0001"
down_revision = None

TABLES = """
CREATE SCHEMA runtime;
GRANT USAGE ON SCHEMA runtime TO saldo_app;

CREATE TABLE runtime.operations (
    id text COLLATE "C" PRIMARY KEY,
    type text NOT NULL,
    principal text NOT NULL,
    fingerprint text NOT NULL,
    request_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'unknown')),
    result jsonb,
    problem jsonb,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    batch text NOT NULL
) WITH (fillfactor = 90);
GRANT SELECT, INSERT, UPDATE ON runtime.operations TO saldo_app;

CREATE TABLE runtime.inbox (
    id text COLLATE "C" NOT NULL,
    domain text NOT NULL,
    claimed_at timestamptz NOT NULL,
    batch text NOT NULL,
    PRIMARY KEY (id, domain)
);
CREATE INDEX inbox_claimed_at ON runtime.inbox (claimed_at);
GRANT SELECT, INSERT, DELETE ON runtime.inbox TO saldo_app;

CREATE TABLE runtime.untold (
    id text COLLATE "C" PRIMARY KEY,
    bundles text NOT NULL,
    created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON runtime.untold TO saldo_app;
-- FOR UPDATE SKIP LOCKED asks for it; no column of these rows ever changes.
GRANT UPDATE (created_at) ON runtime.untold TO saldo_app;

CREATE TABLE runtime.sagas (
    id text COLLATE "C" PRIMARY KEY,
    type text NOT NULL,
    domain text NOT NULL,
    operation_id text,
    phase text NOT NULL,
    awaited text,
    progress jsonb NOT NULL,
    history jsonb NOT NULL,
    context jsonb NOT NULL,
    timer_id text,
    deadline_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sagas_open ON runtime.sagas (phase, created_at) WHERE phase NOT IN ('completed', 'failed');
GRANT SELECT, INSERT, UPDATE ON runtime.sagas TO saldo_app;

CREATE TABLE runtime.timers (
    id text COLLATE "C" PRIMARY KEY,
    due_at timestamptz NOT NULL,
    queue text NOT NULL,
    message text NOT NULL
);
CREATE INDEX timers_due_at ON runtime.timers (due_at);
GRANT SELECT, INSERT, DELETE ON runtime.timers TO saldo_app;
GRANT UPDATE (due_at) ON runtime.timers TO saldo_app;

CREATE TABLE runtime.dead_letters (
    id text COLLATE "C" PRIMARY KEY,
    domain text NOT NULL,
    queue text NOT NULL,
    type text NOT NULL,
    message jsonb NOT NULL,
    reason text NOT NULL,
    stack text NOT NULL,
    died_at timestamptz NOT NULL,
    resolution text,
    resolved_at timestamptz
);
CREATE INDEX dead_letters_open ON runtime.dead_letters (died_at) WHERE resolution IS NULL;
GRANT SELECT, INSERT, UPDATE ON runtime.dead_letters TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP SCHEMA runtime CASCADE")
