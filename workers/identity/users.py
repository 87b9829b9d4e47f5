"""What is done with people by themselves and by those who may do at least as much: change, archive, restore, purge."""

from contracts.envelope import Caller
from contracts.identity import (
    ArchiveUser,
    CreateUser,
    EmailTaken,
    PermissionDenied,
    PurgeUser,
    RestoreUser,
    SendPasswordReset,
    UpdateUser,
    UserAccessChanged,
    UserArchived,
    UserPurged,
    UserRestored,
    UserView,
)
from contracts.message import NotFound, Nothing
from workers.identity import guessable, passwords, roles, rules, sessions
from workers.identity.passwords import Cost
from workers.identity.resets import Reset
from workers.identity.roles import Role
from workers.identity.rules import NO_PASSWORD, User
from workers.runtime.handlers import Handlers, Preparation
from workers.runtime.needs import Need, matching, rows, unique
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


def _both(command: UpdateUser | ArchiveUser | RestoreUser | PurgeUser, caller: Caller, _: object) -> list[Need]:
    """Who is changed, and who changes them."""
    return [rows(User, command.user_id, caller.principal), matching(Role, status="active")]


def _addresses(command: UpdateUser) -> list[Need]:
    """A new address is nobody else's, and what was mailed to the old one is void."""
    if command.email is None:
        return []
    return [unique(User, email=command.email), matching(Reset, user_id=command.user_id)]


async def _hashed(command: CreateUser, preparation: Preparation) -> str:
    if command.password is None:
        return NO_PASSWORD
    guessable.check(command.password, command.first_name, command.last_name, command.email)
    return await passwords.hashed(command.password, Cost.of(preparation.resources.settings))


@handlers.command(CreateUser, needs=lambda c: [unique(User, email=c.email)], prepare=_hashed)
def create_user(command: CreateUser, uow: UnitOfWork) -> UserView:
    """Make a customer: what else they are is for those to say who may grant it. Raises `EmailTaken`."""
    if uow.matching(User, email=command.email):
        raise EmailTaken
    user = User.register(command, uow.prepared, at=uow.now, key=uow.id("usr"))
    uow.add(user)
    uow.audit(user.id, after=user.audited())
    if command.password is None:
        uow.send(SendPasswordReset(email=user.email))
    return user.view()


@handlers.command(UpdateUser, needs=_addresses, needs_more=_both)
def update_user(command: UpdateUser, uow: UnitOfWork) -> UserView:
    """Raises `NotFound`, `PermissionDenied`, `UserInactive`, `VersionConflict`, `EmailTaken`."""
    user = _theirs(uow, command.user_id)
    changed = user.updated(command, uow.now)
    if changed.email != user.email:
        if uow.matching(User, email=changed.email):
            raise EmailTaken
        for reset in uow.matching(Reset, user_id=user.id):
            uow.save(reset.used(uow.now))
    return _save(uow, user, changed).view()


@handlers.command(ArchiveUser, needs=lambda c: [matching(User, admin=True), sessions.of(c.user_id)], needs_more=_both)
def archive_user(command: ArchiveUser, uow: UnitOfWork) -> UserView:
    """No change if they are archived already. Raises `NotFound`, `PermissionDenied`, `LastAdmin`."""
    user = _theirs(uow, command.user_id)
    rules.must_not_be_last([user], uow.matching(User, admin=True))
    archived = _save(uow, user, user.archived(uow.now), command.reason)
    if archived is not user:
        sessions.revoke_all(uow, user.id)
        uow.emit(UserArchived(user_id=user.id, version=archived.version))
    return archived.view()


@handlers.command(RestoreUser, needs_more=_both)
def restore_user(command: RestoreUser, uow: UnitOfWork) -> UserView:
    """No change if they are active. Raises `NotFound`, `PermissionDenied`."""
    return restore(uow, _theirs(uow, command.user_id), command.reason).view()


@handlers.command(PurgeUser, needs_more=_both)
def purge_user(command: PurgeUser, uow: UnitOfWork) -> Nothing:
    """Forget them at once; `ForgetUser` finds out whether the row may go too.

    Raises `NotFound`, `PermissionDenied`, `NotArchived`.
    """
    purge(uow, _theirs(uow, command.user_id), command.reason)
    return Nothing()


def _theirs(uow: UnitOfWork, key: str) -> User:
    """Whom the caller may change. Raises `NotFound`; `PermissionDenied` to who would gain by it."""
    user = rules.somebody(uow.find(User, key))
    if not uow.caller.owns(user.id):
        raise NotFound
    if not _may_act(uow, user):
        raise PermissionDenied
    return user


def _may_act(uow: UnitOfWork, user: User) -> bool:
    return uow.caller.principal == user.id or outranks(uow, user.roles)


def outranks(uow: UnitOfWork, others: list[str]) -> bool:
    """Whether the caller may act on whoever has these roles. It needs their own row and the active roles."""
    caller = uow.find(User, uow.caller.principal)
    custom = roles.active(uow.matching(Role, status="active"))
    return caller is not None and caller.active and caller.may_act_on(others, custom)


def restore(uow: UnitOfWork, user: User, reason: str | None) -> User:
    """Somebody again, and everybody who listens is told."""
    restored = _save(uow, user, user.restored(uow.now), reason)
    if restored is not user:
        uow.emit(UserRestored(user_id=user.id, version=restored.version))
    return restored


def purge(uow: UnitOfWork, user: User, reason: str | None) -> None:
    """Nobody any more, likewise. Raises `NotArchived`."""
    purged = _save(uow, user, user.purged(uow.now), reason)
    uow.emit(UserPurged(user_id=user.id, version=purged.version))


def _save(uow: UnitOfWork, user: User, changed: User, reason: str | None = None) -> User:
    if changed is not user:
        uow.save(changed)
        uow.emit(UserAccessChanged(grant=changed.grant()))
        uow.audit(user.id, before=user.audited(), after=changed.audited(), reason=reason)
    return changed
