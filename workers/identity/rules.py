"""What a person is: pure, without a database, a clock or cryptography."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from contracts.archive import NotArchived, VersionConflict
from contracts.identity import (
    ROLES,
    CreateUser,
    LastAdmin,
    MeView,
    Register,
    UpdateUser,
    UserGrant,
    UserInactive,
    UserView,
)
from contracts.message import NotFound

ISSUER = "saldo"
AUDIENCE = "saldo"
CUSTOMER_ROLE = "customer"
ADMIN_ROLE = "admin"
PURGED_HOST = "purged.invalid"  # RFC 2606: nobody ever gets mail there
NO_PASSWORD = "$argon2id$none"  # noqa: S105 - no password has this hash


class User(NamedTuple):
    """One row of `identity.users`. `email` is lower-case, `password_hash` an argon2id string (RFC 9106).

    Who is purged is nobody: an id that other rows may refer to. Where none does, the row is removed in a while.
    """

    id: str
    email: str
    password_hash: str
    first_name: str
    last_name: str
    status: Literal["active", "archived", "purged", "removed"]
    roles: list[str]
    created_at: datetime
    admin: bool
    version: int
    changed_at: datetime
    archived_at: datetime | None

    def __repr__(self) -> str:
        """Without the hash: what is shown ends in a log some day."""
        return f"User({self.id})"

    @classmethod
    def register(cls, command: Register | CreateUser, password_hash: str, *, at: datetime, key: str) -> "User":
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
            archived_at=None,
        )

    @property
    def is_nobody(self) -> bool:
        """Whether this is only what is left of a purged person."""
        return self.status in ("purged", "removed")

    @property
    def active(self) -> bool:
        """Whether this person may log in and be found."""
        return self.status == "active"

    def may_act_on(self, others: list[str], custom: Mapping[str, Iterable[str]]) -> bool:
        """Whether acting on whoever has these roles gives this person nothing that they may not do themselves."""
        lesser = permissions(others, custom) <= permissions(self.roles, custom)
        return lesser and (ADMIN_ROLE in self.roles or ADMIN_ROLE not in others)

    def updated(self, command: UpdateUser, at: datetime) -> "User":
        """With what the command says. Raises `UserInactive`, `VersionConflict`."""
        if not self.active:
            raise UserInactive
        if command.version not in (None, self.version):
            raise VersionConflict
        said = {"email": command.email, "first_name": command.first_name, "last_name": command.last_name}
        changes: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        return self.changed(at=at, **changes) if self._replace(**changes) != self else self

    def archived(self, at: datetime) -> "User":
        """Nobody who may do anything. Again is harmless."""
        return self.changed(at=at, status="archived", archived_at=at) if self.active else self

    def restored(self, at: datetime) -> "User":
        """Somebody again. Again is harmless."""
        return self.changed(at=at, status="active", archived_at=None) if self.status == "archived" else self

    def purged(self, at: datetime) -> "User":
        """Nobody: what is left is an id for the ledger's rows to refer to. Raises `NotArchived`."""
        if self.status != "archived":
            raise NotArchived
        return self.changed(
            at=at,
            status="purged",
            email=f"{self.id}@{PURGED_HOST}",
            password_hash=NO_PASSWORD,
            first_name="",
            last_name="",
            roles=[],
        )

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
        assert self.status in ("active", "archived"), "somebody purged is shown to nobody"
        return UserView(
            id=self.id,
            email=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            status=self.status,
            roles=self.roles,
            created_at=self.created_at,
            archived_at=self.archived_at,
            version=self.version,
        )

    def audited(self) -> dict[str, Any]:
        """What the audit trail may keep for ever: nothing by which a purged person would be known."""
        local, _, host = self.email.partition("@")
        return {
            "email": f"{local[:1]}…@{host[:1]}…",
            "first_name": f"{self.first_name[:1]}…",
            "last_name": f"{self.last_name[:1]}…",
            "status": self.status,
            "roles": self.roles,
            "version": self.version,
        }

    def me(self, custom: Mapping[str, Iterable[str]]) -> MeView:
        """Likewise, with what they may do; `custom` are the active roles that were made here."""
        return MeView(**self.view().model_dump(), permissions=sorted(permissions(self.roles, custom)))


def somebody(found: User | None) -> User:
    """Who was found. Raises `NotFound`, also for whoever is purged."""
    if found is None or found.is_nobody:
        raise NotFound
    return found


def must_not_be_last(leaving: Iterable[User], admins: Iterable[User]) -> None:
    """Of all `admins`, one must be left when these have gone. Raises `LastAdmin`."""
    gone = {user.id for user in leaving if user.admin}
    if gone and gone >= {user.id for user in admins if user.admin}:
        raise LastAdmin


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
