"""What people do with their accounts."""

from contracts.identity import (
    CredentialsInvalid,
    EmailTaken,
    FindUserByEmail,
    LogIn,
    Register,
    TokensView,
    TotpInvalid,
    TotpRequired,
    UserRef,
    UserView,
)
from contracts.message import NotFound, Refusal
from workers.identity import counting, credentials, lot_handlers, sessions, tokens, users
from workers.identity.credentials import Checked
from workers.identity.lockouts import Attempts, Keys
from workers.identity.rules import User
from workers.identity.totp import Totp
from workers.runtime.handlers import Handlers
from workers.runtime.needs import matching, rows, unique
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")
handlers.include(users.handlers, lot_handlers.handlers)


@handlers.command(Register, needs=lambda c: [unique(User, email=c.email)], prepare=credentials.hashed)
def register(command: Register, uow: UnitOfWork) -> UserView:
    """Make a customer. Raises `EmailTaken`."""
    if uow.matching(User, email=command.email):
        raise EmailTaken
    user = User.register(command, uow.prepared, at=uow.now, key=uow.id("usr"))
    uow.add(user)
    uow.audit(user.id, after=user.audited(), actor=user.id)
    return user.view()


@handlers.command(
    LogIn,
    needs=lambda c: [matching(User, email=c.email)],
    needs_more=lambda c, by, checked: [
        rows(Attempts, *Keys.of(c.email, by.address)),
        rows(Totp, checked.user_id),
        sessions.of(checked.user_id),
    ],
    prepare=credentials.checked,
)
def log_in(command: LogIn, uow: UnitOfWork) -> TokensView | Refusal:
    """Begin a session. Refused with `CredentialsInvalid`, whatever the reason, `TotpRequired`, `TotpInvalid`.

    Raises `LockedOut`, even with the right password: who guesses learns nothing more.
    """
    checked: Checked = uow.prepared
    guard = counting.guard(uow, Keys.of(command.email, uow.address))
    guard.check(uow.now)
    user = next(iter(uow.matching(User, email=command.email)), None)
    # The hash may have changed since it was read: then another password was checked.
    if user is None or not checked.verdict.right or not user.active or user.password_hash != checked.known:
        counting.keep(uow, guard.failed(uow.now, checked.bar))
        return CredentialsInvalid()
    totp = uow.find(Totp, user.id)
    if totp is not None and totp.enabled:
        if command.totp is None:
            # Not a failure, but no success either: what was counted so far stays.
            raise TotpRequired
        taken = checked.said.taken_by(totp) if checked.said else None
        if taken is None:
            counting.keep(uow, guard.failed(uow.now, checked.bar))
            return TotpInvalid()
        uow.save(taken)
    counting.keep(uow, guard.succeeded(uow.now))
    if checked.verdict.rehashed is not None:
        uow.save(user.rehashed(checked.verdict.rehashed))
    return tokens.begun(uow, user, checked.signer)


@handlers.command(FindUserByEmail, needs=lambda c: [matching(User, email=c.email)])
def find_user_by_email(command: FindUserByEmail, uow: UnitOfWork) -> UserRef:
    """Say who it is. Raises `NotFound`, also for archived people."""
    for user in uow.matching(User, email=command.email):
        if user.active:
            return UserRef(user_id=user.id)
    raise NotFound
