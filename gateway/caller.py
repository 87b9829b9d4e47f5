"""Who calls: access tokens and API keys, verified once and remembered until they end."""

import re
import time
from typing import TYPE_CHECKING, Any

import jwt
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from contracts.envelope import Caller
from gateway import problems
from gateway.access import Access
from gateway.keys import SigningKeys

if TYPE_CHECKING:
    from gateway.api_keys import ApiKeys

ISSUER = AUDIENCE = "saldo"
ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the name of a type
KID_LENGTH_MAX = 128
SCHEME = b"bearer"
TOKEN = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
SUBJECT = re.compile(r"usr_[A-Za-z0-9_-]{1,60}")
TOKEN_LENGTH_MAX = 4096
REQUIRED = ["iss", "aud", "sub", "sid", "roles", "iat", "exp", "jti"]


def presented(authorization: bytes | None) -> bytes:
    """The token or key of a header, however its scheme is spelled and spaced (RFC 9110, 11.4). Raises `Trouble` 401.

    Nothing is remembered by the header itself: one token would be as many as there are ways to write it.
    """
    if authorization is None:
        raise problems.token_missing()
    scheme, _, token = authorization.partition(b" ")
    if scheme.lower() != SCHEME:
        raise problems.token_invalid()
    return token.lstrip(b" ")


class Session:
    """A verified token: its principal, what it may do now, and the `Caller` that goes into envelopes."""

    __slots__ = ("_access", "_generation", "_last", "_roles", "expires_at", "permissions", "principal", "session")

    def __init__(self, principal: str, session: str, roles: list[str], expires_at: float, access: Access) -> None:
        self.principal = principal
        self.session = session
        self.expires_at = expires_at
        self.permissions: frozenset[str] = frozenset()
        self._roles = roles
        self._access = access
        self._generation = -1
        self._last = Caller(principal, session)

    def renew(self) -> None:
        """Know what has changed since the token was issued. Raises `Trouble` 401 once its session has ended."""
        access = self._access
        if self._generation == access.generation:
            return
        permissions = access.permissions(self.principal, self.session, self._roles)
        if permissions is None:
            raise problems.token_invalid()
        self.permissions, self._generation = permissions, access.generation

    def caller(self, scope: str, address: str, request: str | None = None) -> Caller:
        """On whose behalf a message of a route with this scope is sent. Raises `Trouble` 403."""
        oversees = f"{scope}_any" in self.permissions
        if not oversees and scope not in self.permissions:
            raise problems.permission_denied()
        last = self._last
        if last.oversees is not oversees or last.address != address or last.request != request:
            last = self._last = Caller(self.principal, self.session, oversees, address, request)
        return last


class Callers:
    """Tells who calls: a person by an access token, or a merchant by an API key, which begins with `sk_`."""

    def __init__(self, keys: SigningKeys, access: Access, api_keys: "ApiKeys", cache_size: int) -> None:
        self._keys = keys
        self._access = access
        self._api_keys = api_keys
        self._cache_size = cache_size
        self._sessions: dict[bytes, Session] = {}
        keys.when_gone(self._sessions.clear)

    def known(self, token: bytes, now: float) -> Session | None:
        """The session of a token or key that was verified before.

        Raises `Trouble` 401 once it has expired or ended, 503 while it is not known what has changed.
        """
        if not self._access.loaded:
            raise problems.busy()
        session = self._sessions.get(token)
        if session is None:
            return self._api_keys.known(token, now)
        if session.expires_at <= now:
            self._sessions.pop(token, None)
            raise problems.token_expired()
        session.renew()
        return session

    async def verify(self, token: bytes, address: str) -> Session:
        """The session of a token or key.

        Raises `Trouble` 401, 429 after many wrong API keys, 503 while no keys are known.
        """
        if self._api_keys.is_one(token):
            return await self._api_keys.verify(token, address)
        if len(token) > TOKEN_LENGTH_MAX or TOKEN.fullmatch(token) is None:
            raise problems.token_invalid()
        session = await self._verified(token.decode())
        session.renew()
        if len(self._sessions) >= self._cache_size:
            # The oldest entry: a token that is still in use is verified again at its next request.
            self._sessions.pop(next(iter(self._sessions)))
        self._sessions[token] = session
        return session

    async def _verified(self, token: str) -> Session:
        if not self._keys.loaded:
            raise problems.busy()
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            if header.get("alg") != ALGORITHM or not isinstance(kid, str) or len(kid) > KID_LENGTH_MAX:
                raise problems.token_invalid()
            # RFC 9068: so that no other thing we may sign one day passes for an access token.
            if header.get("typ") != TOKEN_TYPE:
                raise problems.token_invalid()
            key = await self._keys.find(kid)
            if key is None:
                raise problems.token_invalid()
            claims = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER,
                # A worker's clock may be ahead of ours.
                options={"require": REQUIRED, "verify_iat": False},
            )  # fmt: skip
        except ExpiredSignatureError:
            raise problems.token_expired() from None
        except (PyJWTError, ValueError, TypeError, RecursionError):
            raise problems.token_invalid() from None
        return self._session(claims)

    def _session(self, claims: dict[str, Any]) -> Session:
        roles, subject, session = claims["roles"], claims["sub"], claims["sid"]
        well_formed = isinstance(roles, list) and all(isinstance(role, str) for role in roles)
        if not well_formed or not SUBJECT.fullmatch(subject) or not isinstance(session, str):
            raise problems.token_invalid()
        expires_at = float(claims["exp"])
        if expires_at <= time.time():
            raise problems.token_expired()
        return Session(subject, session, roles, expires_at, self._access)
