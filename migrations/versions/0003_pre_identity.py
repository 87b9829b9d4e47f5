"""Identity's tables: users and sessions."""

from migrations.scripts import run

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE SCHEMA identity;
GRANT USAGE ON SCHEMA identity TO saldo_app;

CREATE TABLE identity.users (
    id text COLLATE "C" PRIMARY KEY,
    -- Folded by the contract; two people never differ by case alone.
    email text COLLATE "C" NOT NULL UNIQUE CHECK (email = lower(email)),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    first_name text NOT NULL,
    last_name text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    roles jsonb NOT NULL CHECK (jsonb_typeof(roles) = 'array'),
    created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON identity.users TO saldo_app;

CREATE TABLE identity.sessions (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES identity.users,
    address text,
    created_at timestamptz NOT NULL
);
CREATE INDEX sessions_of_user ON identity.sessions (user_id, created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON identity.sessions TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run("DROP SCHEMA identity CASCADE")
