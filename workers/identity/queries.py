"""What people and gateways ask about identities."""

from datetime import timedelta
from typing import Any, get_args

from sqlalchemy import ColumnElement, Select, not_, or_, select

from contracts.envelope import Caller
from contracts.identity import (
    PERMISSIONS,
    AccessView,
    GetAccess,
    GetMe,
    GetRole,
    GetSigningKeys,
    GetUser,
    JwksView,
    ListPermissions,
    ListRoles,
    ListSessions,
    ListUsers,
    MeView,
    RoleView,
    SessionView,
    UserStatus,
    UserView,
)
from contracts.message import NotFound
from contracts.pages import Page
from workers.identity import keyring, keys
from workers.identity import roles as role_rules
from workers.identity.roles import Role
from workers.identity.sessions import Session
from workers.identity.tables import read, read_role, roles, sessions, users
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading, page_of
from workers.runtime.stored import mapping

queries = Queries("identity")

TOKEN_LIFETIME = timedelta(seconds=960)
"""An access token's at most, and a minute for clocks that differ."""


@queries.query(GetMe)
async def get_me(query: GetMe, reading: Reading) -> MeView:
    """The caller. Raises `NotFound` when they are no more, or were never a person."""
    del query
    row = await reading.row(_people(reading.caller).where(users.c.id == reading.caller.principal))
    if row is None:
        raise NotFound
    return read(row).me(role_rules.active(await _active_roles(reading)))


@queries.query(GetUser)
async def get_user(query: GetUser, reading: Reading) -> UserView:
    """One person. Raises `NotFound`, also for somebody else and for whoever is purged."""
    row = await reading.row(_people(reading.caller).where(users.c.id == query.user_id))
    if row is None:
        raise NotFound
    return read(row).view()


@queries.query(ListUsers)
async def list_users(query: ListUsers, reading: Reading) -> Page[UserView]:
    """People, or just the caller."""
    wanted = _people(reading.caller)
    if query.status is not None:
        wanted = wanted.where(users.c.status == query.status)
    elif query.include is None:
        wanted = wanted.where(users.c.status == "active")
    if query.search is not None:
        wanted = wanted.where(_mentions(query.search))
    if query.created_from is not None:
        wanted = wanted.where(users.c.created_at >= query.created_from)
    if query.created_to is not None:
        wanted = wanted.where(users.c.created_at < query.created_to)
    return await reading.page(query, wanted, (users.c.created_at, users.c.id), lambda row: read(row).view())


@queries.query(GetSigningKeys)
async def get_signing_keys(query: GetSigningKeys, reading: Reading) -> JwksView:
    """The keys that verify access tokens."""
    del query
    assert reading.resources is not None, "identity's queries need the settings"
    ring = await keyring.read(reading.connection, reading.now)
    return keys.public(reading.resources.settings, ring)


@queries.query(GetAccess)
async def get_access(query: GetAccess, reading: Reading) -> AccessView:
    """What changed recently enough for an access token to be older than it."""
    del query
    since = reading.now - TOKEN_LIFETIME
    changed = await reading.rows(select(users).where(users.c.changed_at >= since, users.c.version > 1))
    # Only with this condition does the index of those that have ended serve: sessions are the largest table here.
    ended = await reading.rows(select(sessions.c.id).where(not_(sessions.c.open), sessions.c.ended_at >= since))
    return AccessView(
        roles=[read_role(row).grant() for row in await reading.rows(select(roles))],
        users=[read(row).grant() for row in changed],
        sessions=[row.id for row in ended],
    )


@queries.query(ListSessions)
async def list_sessions(query: ListSessions, reading: Reading) -> Page[SessionView]:
    """The caller's open sessions."""
    caller = reading.caller
    mine = select(sessions).where(sessions.c.user_id == caller.principal, sessions.c.open)
    usable = mine.where(sessions.c.expires_at > reading.now)
    by = (sessions.c.created_at, sessions.c.id)
    return await reading.page(query, usable, by, lambda row: mapping(Session).load(row).view(caller.session))


@queries.query(ListPermissions)
async def list_permissions(query: ListPermissions, reading: Reading) -> Page[str]:
    """Everything that a role can allow."""
    del reading
    return page_of(query, sorted(PERMISSIONS), str)


@queries.query(GetRole)
async def get_role(query: GetRole, reading: Reading) -> RoleView:
    """One role. Raises `NotFound`."""
    known = {role.id: role for role in role_rules.builtin()}
    if query.role_id in known:
        return known[query.role_id]
    row = await reading.row(select(roles).where(roles.c.id == query.role_id, roles.c.status != "purged"))
    if row is None:
        raise NotFound
    return read_role(row).view()


@queries.query(ListRoles)
async def list_roles(query: ListRoles, reading: Reading) -> Page[RoleView]:
    """All roles: they are few, so each page reads them all."""
    wanted = select(roles).where(roles.c.status != "purged")
    if query.status is not None:
        wanted = wanted.where(roles.c.status == query.status)
    elif query.include is None:
        wanted = wanted.where(roles.c.status == "active")
    rows = await reading.rows(wanted.order_by(roles.c.created_at.desc(), roles.c.id.desc()))
    known = [read_role(row).view() for row in rows]
    if query.status != "archived":
        known += role_rules.builtin()
    return page_of(query, known, lambda role: role.id)


async def _active_roles(reading: Reading) -> list[Role]:
    return [read_role(row) for row in await reading.rows(select(roles).where(roles.c.status == "active"))]


def _people(caller: Caller) -> Select[Any]:
    people = select(users).where(users.c.status.in_(get_args(UserStatus)))
    return people if caller.oversees else people.where(users.c.id == caller.principal)


def _mentions(search: str) -> ColumnElement[bool]:
    whole_name = users.c.first_name + " " + users.c.last_name
    return or_(users.c.email.icontains(search, autoescape=True), whole_name.icontains(search, autoescape=True))
