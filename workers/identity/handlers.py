"""What people do with their accounts."""

from dataclasses import dataclass, field

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
from workers.identity import passwords, rules, store
from workers.identity.keys import Signer
from workers.identity.passwords import Cost, Verdict
from workers.identity.rules import Session, User
from workers.runtime.handlers import Handlers, Preparation
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


async def hash_password(command: Register, preparation: Preparation) -> str:
    """The hash that will be stored."""
    return await passwords.hashed(command.password, Cost.of(preparation.resources.settings))


@handlers.command(Register, needs=lambda command: store.address(command.email), prepare=hash_password)
def register(command: Register, uow: UnitOfWork) -> UserView:
    """Make a customer. Raises `EmailTaken`."""
    if uow.matching(User, email=command.email):
        raise EmailTaken
    user = User.register(command, uow.prepared, at=uow.now, key=uow.id("usr"))
    uow.add(user)
    return user.view()


@dataclass(frozen=True, slots=True)
class Checked:
    """A password that was checked against `known`, the hash that was stored at that moment."""

    known: str | None = field(repr=False)
    verdict: Verdict = field(repr=False)
    signer: Signer


async def check_password(command: LogIn, preparation: Preparation) -> Checked:
    """Read the hash and check the password; a stranger's takes as long as anybody's."""
    resources = preparation.resources
    known = await store.password_hash(resources.database, command.email)
    verdict = await passwords.verify(command.password, known, Cost.of(resources.settings))
    return Checked(known, verdict, Signer(resources.settings))


@handlers.command(LogIn, needs=lambda command: store.person(command.email), prepare=check_password)
def log_in(command: LogIn, uow: UnitOfWork) -> TokensView:
    """Begin a session. Raises `CredentialsInvalid`, whatever the reason."""
    checked: Checked = uow.prepared
    user = next(iter(uow.matching(User, email=command.email)), None)
    # The hash may have changed since it was read: then another password was checked.
    if user is None or not checked.verdict.right or not user.active or user.password_hash != checked.known:
        raise CredentialsInvalid
    if checked.verdict.rehashed is not None:
        uow.save(user.rehashed(checked.verdict.rehashed))
    session = Session.begin(user, address=uow.address, at=uow.now, key=uow.id("ses"))
    uow.add(session)
    return _tokens(user, session, checked.signer, uow)


@handlers.command(FindUserByEmail, needs=lambda command: store.person(command.email))
def find_user_by_email(command: FindUserByEmail, uow: UnitOfWork) -> UserRef:
    """Say who it is. Raises `NotFound`, also for archived people."""
    for user in uow.matching(User, email=command.email):
        if user.active:
            return UserRef(user_id=user.id)
    raise NotFound


def _tokens(user: User, session: Session, signer: Signer, uow: UnitOfWork) -> TokensView:
    lifetime = signer.lifetime_seconds
    claims = rules.claims(user, session, lifetime_seconds=lifetime, token_id=uow.id("tok"))
    return TokensView(access_token=signer.sign(claims), expires_in=lifetime)
