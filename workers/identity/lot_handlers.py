"""What is done with everybody who is archived, and with all that is known of somebody purged: a lot per message."""

from collections.abc import Callable, Iterable

from contracts.envelope import Caller
from contracts.identity import (
    PurgeArchivedUsers,
    PurgeMoreUsers,
    RemoveUser,
    RestoreArchivedUsers,
    RestoreMoreUsers,
)
from contracts.message import CountView, Nothing
from workers.identity import lots, users
from workers.identity.lots import Lot
from workers.identity.roles import Role
from workers.identity.rules import User
from workers.identity.sessions import Session
from workers.runtime.handlers import Handlers
from workers.runtime.needs import Need, matching, rows
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


def _people(_: object, caller: Caller, lot: Lot) -> list[Need]:
    return [rows(User, *lot.ids, caller.principal), matching(Role, status="active")]


def _sessions(command: RemoveUser, _: Caller, lot: Lot) -> list[Need]:
    return [rows(User, command.user_id), rows(Session, *lot.ids)]


@handlers.command(RestoreArchivedUsers, prepare=lots.of_archived, needs_more=_people)
def restore_archived_users(command: RestoreArchivedUsers, uow: UnitOfWork) -> CountView:
    """Everybody whom the caller could restore one by one."""
    return CountView(count=_count(uow, _restore(command, uow)))


@handlers.command(RestoreMoreUsers, prepare=lots.of_archived, needs_more=_people)
def restore_more_users(command: RestoreMoreUsers, uow: UnitOfWork) -> Nothing:
    """Likewise, the next of them."""
    _restore(command, uow)
    return Nothing()


@handlers.command(PurgeArchivedUsers, prepare=lots.of_archived, needs_more=_people)
def purge_archived_users(command: PurgeArchivedUsers, uow: UnitOfWork) -> CountView:
    """Everybody whom the caller could purge one by one."""
    return CountView(count=_count(uow, _purge(command, uow)))


@handlers.command(PurgeMoreUsers, prepare=lots.of_archived, needs_more=_people)
def purge_more_users(command: PurgeMoreUsers, uow: UnitOfWork) -> Nothing:
    """Likewise, the next of them."""
    _purge(command, uow)
    return Nothing()


@handlers.command(RemoveUser, prepare=lots.of_places, needs_more=_sessions)
def remove_user(command: RemoveUser, uow: UnitOfWork) -> Nothing:
    """Forget where they were. The rows stay a while: from them gateways that start learn which tokens are void."""
    user, lot = uow.find(User, command.user_id), _lot(uow)
    if user is None:
        return Nothing()
    assert user.is_nobody, "only somebody purged is removed"
    for session in filter(None, (uow.find(Session, key) for key in lot.ids)):
        uow.save(session._replace(address=None, device=None))
    if lot.more:
        uow.send(command)
    elif not command.keep_id:
        uow.save(user._replace(status="removed"))
    return Nothing()


def _restore(command: RestoreArchivedUsers | RestoreMoreUsers, uow: UnitOfWork) -> int:
    if _lot(uow).more:
        uow.send(RestoreMoreUsers(after=_lot(uow).ids[-1], reason=command.reason))
    return _each(uow, lambda user: users.restore(uow, user, command.reason))


def _purge(command: PurgeArchivedUsers | PurgeMoreUsers, uow: UnitOfWork) -> int:
    if _lot(uow).more:
        uow.send(PurgeMoreUsers(after=_lot(uow).ids[-1], reason=command.reason))
    return _each(uow, lambda user: users.purge(uow, user, command.reason))


def _each(uow: UnitOfWork, act: Callable[[User], object]) -> int:
    """Act on those of the lot who are archived still, unless they may do more than the caller; say how many."""
    found: Iterable[User | None] = (uow.find(User, key) for key in _lot(uow).ids)
    acted_on = [one for one in found if one and one.status == "archived" and users.outranks(uow, one.roles)]
    for user in acted_on:
        act(user)
    return len(acted_on)


def _count(uow: UnitOfWork, done: int) -> int:
    """How many that are, with those of the lots to come."""
    if not _lot(uow).more:
        return done
    return sum(count for roles, count in _lot(uow).all_by_roles if users.outranks(uow, roles))


def _lot(uow: UnitOfWork) -> Lot:
    lot: Lot = uow.prepared
    return lot
