"""Where somebody is logged in: a session, and the refresh tokens that keep it going (RFC 9700, 4.14)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from contracts import ids
from contracts.identity import SessionsRevoked, SessionView
from workers.identity.rules import User
from workers.runtime.needs import Need, matching
from workers.runtime.unit_of_work import UnitOfWork

PREFIX = "rt_"
DIGEST_BYTES = 32
SESSIONS_MAX = 100
"""How many open sessions a person has: one more login ends the oldest."""


class Lifetimes(NamedTuple):
    """A session ends `session` after its login at the latest; a refresh token that nobody uses, after `token`."""

    session: timedelta
    token: timedelta


class Session(NamedTuple):
    """One row of `identity.sessions`. `address` is what the edge saw, `device` what the client called itself."""

    id: str
    user_id: str
    address: str | None
    created_at: datetime
    device: str | None
    open: bool
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None

    @classmethod
    def begin(
        cls, user: User, *, key: str, at: datetime, lasts: timedelta, address: str | None, device: str | None
    ) -> "Session":
        """A login."""
        return cls(key, user.id, address, at, device, True, at, at + lasts, None)  # noqa: FBT003 - columns have an order

    def usable(self, at: datetime) -> bool:
        """Whether it still stands."""
        return self.open and at < self.expires_at

    def used(self, *, at: datetime, address: str | None, device: str | None) -> "Session":
        """It goes on, perhaps from elsewhere."""
        return self._replace(last_used_at=at, address=address, device=device or self.device)

    def ended(self, at: datetime) -> "Session":
        """Over for good. Again is harmless."""
        return self._replace(open=False, ended_at=at) if self.open else self

    def view(self, current: str | None) -> SessionView:
        """As its owner sees it from the session `current`."""
        return SessionView(
            id=self.id,
            device=self.device,
            address=self.address,
            current=self.id == current,
            created_at=self.created_at,
            last_used_at=self.last_used_at,
            expires_at=self.expires_at,
        )


class RefreshToken(NamedTuple):
    """One row of `identity.refresh_tokens`: `id` is the token's digest, so that nobody can use what is stored."""

    id: str
    session_id: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None

    @classmethod
    def of(cls, token: str, session: Session, *, at: datetime, lasts: timedelta) -> "RefreshToken":
        """A new one, which its session outlives."""
        expires_at = min(at + lasts, session.expires_at)
        return cls(digest(token), session.id, at, expires_at, None)

    def raced(self, sent_at: datetime, grace: timedelta) -> bool:
        """Whether this use was under way when the first one was decided: a retry."""
        return self.used_at is not None and sent_at <= self.used_at + grace

    def used(self, at: datetime) -> "RefreshToken":
        """Used, now or already."""
        return self if self.used_at else self._replace(used_at=at)


def digest(token: str) -> str:
    """What is stored of a token: it has 256 random bits, so a plain hash is enough."""
    return ids.text(ids.digest(token, size=DIGEST_BYTES))


def of(user_id: str) -> Need:
    """Somebody's open sessions: what `revoke_all` and `make_room` need."""
    return matching(Session, user_id=user_id, open=True)


def make_room(uow: UnitOfWork, user_id: str) -> None:
    """End the oldest of somebody's sessions where one more would be too many; `of` names what it needs."""
    found = sorted(uow.matching(Session, user_id=user_id, open=True), key=lambda one: (one.created_at, one.id))
    revoke(uow, found[: max(0, len(found) + 1 - SESSIONS_MAX)])


def revoke_all(uow: UnitOfWork, user_id: str, *, except_: str | None = None) -> int:
    """End all sessions of somebody but one; `of` names what it needs. Says how many, and tells every gateway."""
    found = [one for one in uow.matching(Session, user_id=user_id, open=True) if one.id != except_]
    revoke(uow, found)
    return len(found)


def revoke(uow: UnitOfWork, sessions: Iterable[Session]) -> None:
    """End these sessions, with the access tokens that are still good for a while."""
    ending = [session for session in sessions if session.open]
    for session in ending:
        uow.save(session.ended(uow.now))
    if ending:
        uow.emit(SessionsRevoked(sessions=[session.id for session in ending]))
