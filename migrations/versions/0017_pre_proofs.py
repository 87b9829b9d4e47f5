"""What proves who somebody is, beside the password: failed attempts, authenticators and password resets."""

from migrations.scripts import run

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE identity.attempts (
    -- A hash: addresses that nobody has registered with are nobody's to keep.
    id text COLLATE "C" PRIMARY KEY,
    failures integer NOT NULL CHECK (failures >= 0),
    people integer NOT NULL CHECK (people >= 0),
    failed_at timestamptz,
    locked_until timestamptz,
    touched_at timestamptz NOT NULL
);
CREATE INDEX attempts_touched_at ON identity.attempts (touched_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.attempts TO saldo_app;

CREATE TABLE identity.totps (
    id text COLLATE "C" PRIMARY KEY REFERENCES identity.users ON DELETE CASCADE,
    sealed text NOT NULL,
    recovery jsonb NOT NULL CHECK (jsonb_typeof(recovery) = 'array'),
    last_step bigint NOT NULL,
    confirmed_at timestamptz,
    created_at timestamptz NOT NULL,
    CHECK (confirmed_at IS NULL OR sealed <> '')
);
GRANT SELECT, INSERT, UPDATE ON identity.totps TO saldo_app;

CREATE TABLE identity.resets (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX resets_of_user ON identity.resets (user_id);
CREATE INDEX resets_expires_at ON identity.resets (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.resets TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP TABLE identity.resets, identity.totps, identity.attempts")
