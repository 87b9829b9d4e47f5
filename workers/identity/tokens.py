"""Token responses (RFC 6749, 5.1): an access token that every gateway can check, a refresh token good for one use."""

from contracts.identity import TokensView
from workers.identity import rules, sessions
from workers.identity.keys import Signer
from workers.identity.rules import User
from workers.identity.sessions import RefreshToken, Session
from workers.runtime.unit_of_work import UnitOfWork


def begun(uow: UnitOfWork, user: User, signer: Signer) -> TokensView:
    """Log somebody in: a new session, and its first tokens. What `sessions.of` names is needed."""
    sessions.make_room(uow, user.id)
    session = Session.begin(
        user,
        key=uow.id("ses"),
        at=uow.now,
        lasts=signer.lifetimes.session,
        address=uow.address,
        device=uow.device,
    )
    uow.add(session)
    uow.add(RefreshToken.of(signer.refresh_token, session, at=uow.now, lasts=signer.lifetimes.token))
    return issued(uow, user, session, signer)


def issued(uow: UnitOfWork, user: User, session: Session, signer: Signer) -> TokensView:
    """The tokens of a session: its newest refresh token is the signer's."""
    lifetime = signer.lifetime_seconds
    claims = rules.claims(user, session.id, at=uow.now, lifetime_seconds=lifetime, token_id=uow.id("tok"))
    return TokensView(access_token=signer.sign(claims), expires_in=lifetime, refresh_token=signer.refresh_token)
