"""What a person is: pure, without a database, a clock or cryptography."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from contracts.identity import ROLES, MeView, Register, UserGrant, UserView

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
    admin: bool
    version: int
    changed_at: datetime

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
            admin=False,
            version=1,
            changed_at=at,
        )

    @property
    def active(self) -> bool:
        """Whether this person may log in and be found."""
        return self.status == "active"

    def rehashed(self, password_hash: str) -> "User":
        """The same password, hashed with today's parameters."""
        return self._replace(password_hash=password_hash)

    def changed(self, *, at: datetime, **changes: Any) -> "User":
        """A newer version. Who is an active admin follows from the rest: it is how the last one is found."""
        new = self._replace(version=self.version + 1, changed_at=at, **changes)
        return new._replace(admin=new.active and ADMIN_ROLE in new.roles)

    def grant(self) -> UserGrant:
        """What gateways must know of it."""
        return UserGrant(user_id=self.id, roles=self.roles, active=self.active, version=self.version)

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

    def me(self, custom: Mapping[str, Iterable[str]]) -> MeView:
        """Likewise, with what they may do; `custom` are the active roles that were made here."""
        return MeView(**self.view().model_dump(), permissions=sorted(permissions(self.roles, custom)))


def permissions(roles: Iterable[str], custom: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """What these roles allow together. One that nobody knows allows nothing."""
    return frozenset(permission for role in roles for permission in ROLES.get(role) or custom.get(role, ()))


def claims(user: User, session: str, *, at: datetime, lifetime_seconds: int, token_id: str) -> dict[str, Any]:
    """The payload of an access token (RFC 9068): times in whole seconds since the epoch."""
    issued = int(at.timestamp())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user.id,
        "sid": session,
        "roles": user.roles,
        "iat": issued,
        "exp": issued + lifetime_seconds,
        "jti": token_id,
    }
