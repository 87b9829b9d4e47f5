"""What is done with roles: make, change, archive, restore, purge and assign them, never beyond what one may oneself."""

from collections.abc import Iterable
from typing import Literal

from contracts.archive import VersionConflict
from contracts.identity import (
    ArchiveRole,
    AssignRoles,
    BeyondOwn,
    CreateRole,
    LastAdmin,
    PurgeArchivedRoles,
    PurgeRole,
    RestoreArchivedRoles,
    RestoreRole,
    RoleNameTaken,
    RoleView,
    UpdateRole,
    UserAccessChanged,
    UserView,
)
from contracts.message import CountView, Nothing
from workers.identity import roles, rules
from workers.identity.roles import Role
from workers.identity.rules import User
from workers.runtime.handlers import Handlers
from workers.runtime.needs import Need, matching, rows, unique
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


def _all_active(_: object) -> list[Need]:
    return [matching(Role, status="active")]


def _one(command: ArchiveRole | RestoreRole | PurgeRole | UpdateRole) -> list[Need]:
    return [rows(Role, command.role_id), matching(Role, status="active")]


def _caller(_: object, by: object, __: object) -> list[Need]:
    return [rows(User, by.principal)]  # type: ignore[attr-defined]


@handlers.command(
    CreateRole,
    needs=lambda c: [unique(Role, name=c.name), matching(Role, status="active")],
    needs_more=_caller,
)
def create_role(command: CreateRole, uow: UnitOfWork) -> RoleView:
    """Make a role. Raises `RoleNameTaken`, `PermissionUnknown`, `BeyondOwn`."""
    if uow.matching(Role, name=command.name):
        raise RoleNameTaken
    role = Role.create(command, key=uow.id("rol"), at=uow.now)
    _must_hold(uow, role.permissions)
    uow.add(role)
    uow.emit(role.changed())
    uow.audit(role.id, after=role.view())
    return role.view()


@handlers.command(UpdateRole, needs=_one, needs_more=_caller)
def update_role(command: UpdateRole, uow: UnitOfWork) -> RoleView:
    """Change it for all who have it. Raises `RoleBuiltin`, `VersionConflict`, `BeyondOwn`."""
    role = roles.changeable(uow.find(Role, command.role_id), command.role_id)
    return _change(uow, role, role.update(command)).view()


@handlers.command(ArchiveRole, needs=_one, needs_more=_caller)
def archive_role(command: ArchiveRole, uow: UnitOfWork) -> RoleView:
    """Let it allow nothing. Raises `RoleBuiltin`, `BeyondOwn`."""
    return _become(uow, command.role_id, "archived").view()


@handlers.command(RestoreRole, needs=_one, needs_more=_caller)
def restore_role(command: RestoreRole, uow: UnitOfWork) -> RoleView:
    """Let it allow again what it did. Raises `RoleBuiltin`, `BeyondOwn`."""
    return _become(uow, command.role_id, "active").view()


@handlers.command(PurgeRole, needs=_one, needs_more=_caller)
def purge_role(command: PurgeRole, uow: UnitOfWork) -> Nothing:
    """Remove it for good. Raises `RoleBuiltin`, `NotArchived`, `BeyondOwn`."""
    _become(uow, command.role_id, "purged")
    return Nothing()


@handlers.command(
    RestoreArchivedRoles,
    needs=lambda _: [matching(Role, status="archived"), matching(Role, status="active")],
    needs_more=_caller,
)
def restore_archived_roles(command: RestoreArchivedRoles, uow: UnitOfWork) -> CountView:
    """Restore all that the caller may."""
    del command
    return _each(uow, "active")


@handlers.command(
    PurgeArchivedRoles,
    needs=lambda _: [matching(Role, status="archived"), matching(Role, status="active")],
    needs_more=_caller,
)
def purge_archived_roles(command: PurgeArchivedRoles, uow: UnitOfWork) -> CountView:
    """Purge all that the caller may."""
    del command
    return _each(uow, "purged")


@handlers.command(
    AssignRoles,
    needs=lambda c: [rows(User, c.user_id), matching(User, admin=True), matching(Role, status="active")],
    needs_more=_caller,
)
def assign_roles(command: AssignRoles, uow: UnitOfWork) -> UserView:
    """Give somebody just these. Raises `NotFound`, `VersionConflict`, `RoleUnknown`, `BeyondOwn`, `LastAdmin`."""
    user, custom = rules.somebody(uow.find(User, command.user_id)), _custom(uow)
    if command.version not in (None, user.version):
        raise VersionConflict
    wanted = list(dict.fromkeys(command.roles))
    if wanted == user.roles:
        return user.view()
    roles.must_exist((name for name in wanted if name not in user.roles), custom)
    moved = set(wanted) ^ set(user.roles)
    _must_hold(uow, rules.permissions(moved, custom))
    changed = user.changed(at=uow.now, roles=wanted)
    must_leave_an_admin(uow, user, changed)
    uow.save(changed)
    uow.emit(UserAccessChanged(grant=changed.grant()))
    uow.audit(user.id, before={"roles": user.roles}, after={"roles": wanted})
    return changed.view()


def must_leave_an_admin(uow: UnitOfWork, user: User, changed: User) -> None:
    """Raises `LastAdmin`. Needs `matching(User, admin=True)`, whose locks let only one of two last admins go."""
    others = [one for one in uow.matching(User, admin=True) if one.id != user.id]
    if user.admin and not changed.admin and not others:
        raise LastAdmin


def _become(uow: UnitOfWork, key: str, status: Literal["active", "archived", "purged"]) -> Role:
    role = roles.changeable(uow.find(Role, key), key)
    return _change(uow, role, role.become(status))


def _change(uow: UnitOfWork, role: Role, changed: Role) -> Role:
    """Nobody changes what they may not do themselves, before or after."""
    _must_hold(uow, {*role.permissions, *changed.permissions})
    if changed is not role:
        uow.save(changed)
        uow.emit(changed.changed())
        uow.audit(role.id, before=role._asdict(), after=changed._asdict())
    return changed


def _each(uow: UnitOfWork, status: Literal["active", "purged"]) -> CountView:
    """Of all that are archived, those that the caller may change."""
    caller, custom = uow.find(User, uow.caller.principal), _custom(uow)
    found = [role for role in uow.matching(Role, status="archived") if roles.held(caller, custom, role.permissions)]
    for role in found:
        _change(uow, role, role.become(status))
    return CountView(count=len(found))


def _must_hold(uow: UnitOfWork, wanted: Iterable[str]) -> None:
    if not roles.held(uow.find(User, uow.caller.principal), _custom(uow), wanted):
        raise BeyondOwn


def _custom(uow: UnitOfWork) -> dict[str, frozenset[str]]:
    return roles.active(uow.matching(Role, status="active"))
