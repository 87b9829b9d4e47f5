"""What a person and a session are: pure, without a database, a clock or cryptography."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

from contracts.identity import ROLES, MeView, Register, UserView

ISSUER = "saldo"
AUDIENCE = "saldo"
CUSTOMER_ROLE = "customer"
ADMIN_ROLE = "admin"


class User(NamedTuple):
    """One row of `identity.users`. `email` is lower-case, `password_hash` an argon2id string (RFC 9106)."""

    id: str
    email: str
    password_hash: str
    first_name: str
    last_name: str
    status: Literal["active", "archived"]
    roles: list[str]
    created_at: datetime

    def __repr__(self) -> str:
        """Without the hash: what is shown ends in a log some day."""
        return f"User({self.id})"

    @classmethod
    def register(cls, command: Register, password_hash: str, *, at: datetime, key: str) -> "User":
        """A new customer: nobody registers as anything else."""
        return cls(
            key,
            command.email,
            password_hash,
            command.first_name,
            command.last_name,
            "active",
            [CUSTOMER_ROLE],
            at,
        )

    @property
    def active(self) -> bool:
        """Whether this person may log in and be found."""
        return self.status == "active"

    def rehashed(self, password_hash: str) -> "User":
        """The same password, hashed with today's parameters."""
        return self._replace(password_hash=password_hash)

    def view(self) -> UserView:
        """How they see themselves."""
        return UserView(
            id=self.id,
            email=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            status=self.status,
            roles=self.roles,
            created_at=self.created_at,
        )

    def audited(self) -> dict[str, Any]:
        """What the audit trail may keep for ever: nothing by which a purged person would be known."""
        return {"status": self.status, "roles": self.roles}

    def me(self) -> MeView:
        """Likewise, with what they may do."""
        return MeView(**self.view().model_dump(), permissions=permissions(self.roles))


class Session(NamedTuple):
    """One row of `identity.sessions`: where somebody has logged in."""

    id: str
    user_id: str
    address: str | None
    created_at: datetime

    @classmethod
    def begin(cls, user: User, *, address: str | None, at: datetime, key: str) -> "Session":
        """A login, from the network address that the edge saw."""
        return cls(key, user.id, address, at)


def permissions(roles: list[str]) -> list[str]:
    """What these roles allow together, sorted. A role that nobody knows allows nothing."""
    return sorted({permission for role in roles for permission in ROLES.get(role, ())})


def claims(user: User, session: Session, *, lifetime_seconds: int, token_id: str) -> dict[str, Any]:
    """The payload of an access token (RFC 7519): times in whole seconds since the epoch."""
    issued = int(session.created_at.timestamp())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user.id,
        "sid": session.id,
        "roles": user.roles,
        "iat": issued,
        "exp": issued + lifetime_seconds,
        "jti": token_id,
    }
