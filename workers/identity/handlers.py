"""What people do with their accounts."""

from contracts.identity import (
    CredentialsInvalid,
    EmailTaken,
    FindUserByEmail,
    LogIn,
    Register,
    TokensView,
    UserRef,
    UserView,
)
from contracts.message import NotFound
from workers.identity import credentials, tokens
from workers.identity.credentials import Checked
from workers.identity.rules import User
from workers.runtime.handlers import Handlers
from workers.runtime.needs import matching, unique
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


@handlers.command(Register, needs=lambda c: [unique(User, email=c.email)], prepare=credentials.hashed)
def register(command: Register, uow: UnitOfWork) -> UserView:
    """Make a customer. Raises `EmailTaken`."""
    if uow.matching(User, email=command.email):
        raise EmailTaken
    user = User.register(command, uow.prepared, at=uow.now, key=uow.id("usr"))
    uow.add(user)
    uow.audit(user.id, after=user.audited(), actor=user.id)
    return user.view()


@handlers.command(LogIn, needs=lambda c: [matching(User, email=c.email)], prepare=credentials.checked)
def log_in(command: LogIn, uow: UnitOfWork) -> TokensView:
    """Begin a session. Raises `CredentialsInvalid`, whatever the reason."""
    checked: Checked = uow.prepared
    user = next(iter(uow.matching(User, email=command.email)), None)
    # The hash may have changed since it was read: then another password was checked.
    if user is None or not checked.verdict.right or not user.active or user.password_hash != checked.known:
        raise CredentialsInvalid
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
