"""Roles that were made here, beside the built-in ones: named sets of permissions that nobody hands on beyond theirs."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from contracts.archive import NotArchived, VersionConflict
from contracts.identity import (
    PERMISSIONS,
    ROLES,
    CreateRole,
    PermissionUnknown,
    RoleBuiltin,
    RoleChanged,
    RoleGrant,
    RoleNameTaken,
    RoleUnknown,
    RoleView,
    UpdateRole,
)
from contracts.message import NotFound
from workers.identity.rules import User, permissions

BUILTIN_PREFIX = "rol_"


class Role(NamedTuple):
    """One row of `identity.roles`. A purged one stays, so that its name never comes to mean something else."""

    id: str
    name: str
    description: str | None
    permissions: list[str]
    status: Literal["active", "archived", "purged"]
    version: int
    created_at: datetime

    @classmethod
    def create(cls, command: CreateRole, *, key: str, at: datetime) -> "Role":
        """A new one. Raises `RoleNameTaken`, `PermissionUnknown`."""
        if command.name in ROLES:
            raise RoleNameTaken
        return cls(key, command.name, command.description, _known(command.permissions), "active", 1, at)

    @property
    def allowed(self) -> frozenset[str]:
        """What it allows now."""
        return frozenset(self.permissions) if self.status == "active" else frozenset()

    def update(self, command: UpdateRole) -> "Role":
        """With what is said changed. Raises `VersionConflict`, `PermissionUnknown`."""
        if command.version not in (None, self.version):
            raise VersionConflict
        said = command.model_fields_set
        new = self
        if "description" in said:
            new = new._replace(description=command.description)
        if command.permissions is not None:
            new = new._replace(permissions=_known(command.permissions))
        return self if new == self else new._replace(version=self.version + 1)

    def become(self, status: Literal["active", "archived", "purged"]) -> "Role":
        """Archived, restored or purged. Raises `NotArchived` where it would be purged at once."""
        if status == "purged" and self.status != "archived":
            raise NotArchived
        return self if status == self.status else self._replace(status=status, version=self.version + 1)

    def changed(self) -> RoleChanged:
        """What gateways are told."""
        return RoleChanged(grant=self.grant())

    def grant(self) -> RoleGrant:
        """What gateways must know of it."""
        return RoleGrant(name=self.name, permissions=sorted(self.allowed), version=self.version)

    def view(self) -> RoleView:
        """As those who may see roles see it."""
        return RoleView(
            id=self.id,
            name=self.name,
            description=self.description,
            permissions=self.permissions,
            status="active" if self.status == "active" else "archived",
            builtin=False,
            version=self.version,
            created_at=self.created_at,
        )


def builtin() -> list[RoleView]:
    """The built-in roles."""
    return [
        RoleView(
            id=BUILTIN_PREFIX + name, name=name, permissions=sorted(granted), status="active", builtin=True, version=1
        )
        for name, granted in ROLES.items()
    ]


def changeable(found: Role | None, key: str) -> Role:
    """What was found. Raises `RoleBuiltin`, `NotFound`."""
    if key.removeprefix(BUILTIN_PREFIX) in ROLES:
        raise RoleBuiltin
    if found is None or found.status == "purged":
        raise NotFound
    return found


def active(found: Iterable[Role]) -> dict[str, frozenset[str]]:
    """What each active role allows, by name."""
    return {role.name: role.allowed for role in found if role.status == "active"}


def held(caller: User | None, custom: Mapping[str, Iterable[str]], wanted: Iterable[str]) -> bool:
    """Whether the caller may do all of this: by their row, for a token may be older."""
    own = permissions(caller.roles, custom) if caller is not None and caller.active else frozenset()
    return own.issuperset(wanted)


def must_exist(names: Iterable[str], custom: Mapping[str, Iterable[str]]) -> None:
    """Raises `RoleUnknown`."""
    for name in names:
        if name not in ROLES and name not in custom:
            raise RoleUnknown(f"There is no active role named {name}.")


def _known(wanted: Iterable[str]) -> list[str]:
    for permission in wanted:
        if permission not in PERMISSIONS:
            raise PermissionUnknown(f"There is no permission {permission}.")
    return sorted(set(wanted))
