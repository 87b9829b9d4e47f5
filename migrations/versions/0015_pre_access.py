"""Identity's sessions with their refresh tokens, roles, and what tells gateways of changes."""

from migrations.scripts import run

revision = "0015"
down_revision = "0014"

TABLES = """
ALTER TABLE identity.users
    ADD admin boolean NOT NULL DEFAULT false,
    ADD version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    ADD changed_at timestamptz NOT NULL DEFAULT now();
UPDATE identity.users SET admin = true WHERE status = 'active' AND roles ? 'admin';
ALTER TABLE identity.users
    ADD CONSTRAINT admin_is_worked_out CHECK (admin = (status = 'active' AND roles ? 'admin')),
    ALTER admin DROP DEFAULT, ALTER version DROP DEFAULT, ALTER changed_at DROP DEFAULT;
CREATE INDEX users_admins ON identity.users (id) WHERE admin;
CREATE INDEX users_changed ON identity.users (changed_at);

ALTER TABLE identity.sessions
    ADD device text,
    ADD open boolean NOT NULL DEFAULT false,
    ADD last_used_at timestamptz NOT NULL DEFAULT now(),
    ADD expires_at timestamptz NOT NULL DEFAULT now(),
    -- Sessions from before there were refresh tokens end with their access token.
    ADD ended_at timestamptz DEFAULT now();
ALTER TABLE identity.sessions
    ALTER open DROP DEFAULT, ALTER last_used_at DROP DEFAULT, ALTER expires_at DROP DEFAULT,
    ALTER ended_at DROP DEFAULT,
    ADD CONSTRAINT open_or_ended CHECK (open = (ended_at IS NULL));
CREATE INDEX sessions_open ON identity.sessions (user_id) WHERE open;
CREATE INDEX sessions_expired ON identity.sessions (expires_at);
CREATE INDEX sessions_ended ON identity.sessions (ended_at) WHERE NOT open;

CREATE TABLE identity.refresh_tokens (
    id text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9a-f]{64}$'),
    session_id text COLLATE "C" NOT NULL REFERENCES identity.sessions ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_of_session ON identity.refresh_tokens (session_id);
GRANT SELECT, INSERT, UPDATE ON identity.refresh_tokens TO saldo_app;

CREATE TABLE identity.roles (
    id text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    description text,
    permissions jsonb NOT NULL CHECK (jsonb_typeof(permissions) = 'array'),
    status text NOT NULL CHECK (status IN ('active', 'archived', 'purged')),
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL
);
CREATE INDEX roles_by_time ON identity.roles (created_at DESC, id DESC);
GRANT SELECT, INSERT, UPDATE ON identity.roles TO saldo_app;
"""


def upgrade() -> None:
    """Make them."""
    run(TABLES)


def downgrade() -> None:
    """Remove them."""
    run(
        """
        DROP TABLE identity.roles, identity.refresh_tokens;
        ALTER TABLE identity.sessions
            DROP device, DROP open, DROP last_used_at, DROP expires_at, DROP ended_at;
        ALTER TABLE identity.users DROP admin, DROP version, DROP changed_at;
        """
    )
