"""What people do with their sessions: keep them going, and end them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from contracts.identity import LogOut, Refresh, RevokeSession, TokenInvalid, TokenReused, TokensView
from contracts.message import NotFound, Nothing, Refusal
from workers.identity import keyring, sessions, tables, tokens
from workers.identity.keys import Signer
from workers.identity.rules import User
from workers.identity.sessions import RefreshToken, Session
from workers.runtime.handlers import Handlers, Preparation
from workers.runtime.needs import rows
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


@dataclass(frozen=True, slots=True)
class Found:
    """Whose token it is, as far as that can be said without a lock."""

    session_id: str
    user_id: str
    signer: Signer
    grace: timedelta


async def found(command: Refresh, preparation: Preparation) -> Found:
    """Find the token's session. Raises `TokenInvalid`."""
    settings, tables_ = preparation.resources.settings, (tables.refresh_tokens, tables.sessions)
    wanted = select(tables_[1].c.id, tables_[1].c.user_id).join(tables_[0], tables_[0].c.session_id == tables_[1].c.id)
    async with preparation.resources.database.connect() as connection:
        known = tables_[0].c.id == sessions.digest(command.refresh_token)
        row = (await connection.execute(wanted.where(known))).one_or_none()
    if row is None:
        raise TokenInvalid
    grace = timedelta(seconds=settings.refresh_grace_seconds)
    key = await keyring.signing(preparation.resources.database, settings)
    return Found(row.id, row.user_id, Signer(settings, key, after=command.refresh_token), grace)


@handlers.command(
    Refresh,
    needs=lambda c: [rows(RefreshToken, sessions.digest(c.refresh_token))],
    needs_more=lambda _, __, found: [
        rows(Session, found.session_id),
        rows(User, found.user_id),
        rows(RefreshToken, sessions.digest(found.signer.refresh_token)),
    ],
    prepare=found,
)
def refresh(command: Refresh, uow: UnitOfWork) -> TokensView | Refusal:
    """Rotate. Raises `TokenInvalid`; refused with `TokenReused` where two have the same token: nobody keeps it.

    Uses that race get the same next token, until that one is used.
    """
    known: Found = uow.prepared
    token = uow.get(RefreshToken, sessions.digest(command.refresh_token))
    session, user = uow.get(Session, known.session_id), uow.get(User, known.user_id)
    following = uow.find(RefreshToken, sessions.digest(known.signer.refresh_token))
    raced = token.raced(datetime.fromtimestamp(uow.envelope.sent_at, UTC), known.grace)
    if token.used_at is not None and not (raced and following is not None and following.used_at is None):
        sessions.revoke(uow, [session])
        return TokenReused()
    if not session.usable(uow.now) or uow.now >= token.expires_at or not user.active:
        raise TokenInvalid
    uow.save(token.used(uow.now))
    session = session.used(at=uow.now, address=uow.address, device=uow.device)
    uow.save(session)
    if following is None:
        uow.add(RefreshToken.of(known.signer.refresh_token, session, at=uow.now, lasts=known.signer.lifetimes.token))
    return tokens.issued(uow, user, session, known.signer)


@handlers.command(LogOut, needs_more=lambda _, by, __: [rows(Session, by.session or "")])
def log_out(command: LogOut, uow: UnitOfWork) -> Nothing:
    """End the session that asks."""
    del command
    sessions.revoke(uow, [uow.get(Session, uow.caller.session or "")])
    return Nothing()


@handlers.command(RevokeSession, needs=lambda c: [rows(Session, c.session_id)])
def revoke_session(command: RevokeSession, uow: UnitOfWork) -> Nothing:
    """End one of one's own. Raises `NotFound`."""
    session = uow.get(Session, command.session_id)
    if session.user_id != uow.caller.principal or not session.open:
        raise NotFound
    sessions.revoke(uow, [session])
    uow.audit(session.id, after={"open": False})
    return Nothing()
