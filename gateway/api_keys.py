"""API keys: asked for once by their digest, remembered for a while, and forgotten as soon as an event says so."""

import asyncio
import re
import time
from datetime import UTC, datetime
from typing import Any

import structlog

from contracts import addresses, api_key
from contracts.envelope import Caller
from contracts.merchants import (
    USES_MAX,
    ApiKeyChanged,
    FindApiKey,
    KeyHolderView,
    KeyUse,
    MerchantChanged,
    NoteKeyUses,
)
from gateway import problems
from gateway.access import Access
from gateway.caller import Session
from gateway.problems import Trouble
from gateway.questions import Questions
from gateway.rate_limit import RateLimit

KEY = re.compile(rb"sk_[A-Za-z0-9_-]{0,200}")
TRIES_MAX = 3
OWN_OPERATIONS = "operations:read"
"""What every key may: who is told to poll an operation must be let."""

log = structlog.get_logger()


class KeySession(Session):
    """A verified key: it speaks for its merchant, so all keys of one have the same idempotency keys."""

    __slots__ = ("active",)

    def __init__(self, holder: KeyHolderView, until: float, access: Access) -> None:
        ends = until if holder.expires_at is None else min(until, holder.expires_at.timestamp())
        super().__init__(holder.merchant_id, holder.key_id, [], ends, access)
        self.permissions = frozenset({OWN_OPERATIONS, *holder.scopes})
        self.active = holder.active

    def renew(self) -> None:
        """A key's permissions are its own."""

    def caller(self, scope: str, address: str, request: str | None = None) -> Caller:
        """On whose behalf. Raises `Trouble` 403, also while the merchant is not active."""
        if not self.active:
            raise problems.merchant_not_active()
        return super().caller(scope, address, request)


class ApiKeys:
    """What was asked, by the key that it was asked about. Nothing here logs or sends more of a key than its digest.

    `wrong` counts wrong keys by address; whoever has used it up is refused what isn't remembered, without a look-up.
    """

    def __init__(
        self, questions: Questions, access: Access, wrong: RateLimit, *, cache_size: int, cache_seconds: float
    ) -> None:
        self._questions = questions
        self._access = access
        self._wrong = wrong
        self._cache_size = cache_size
        self._cache_seconds = cache_seconds
        self._sessions: dict[bytes, KeySession] = {}
        self._unknown: dict[str, None] = {}
        self._asking: dict[str, asyncio.Task[KeySession | None]] = {}
        self._changes = 0
        self._uses: dict[str, float] = {}
        access.also(ApiKeyChanged.wire_name, lambda body: self._evict("session", body["key"]["id"]))
        access.also(MerchantChanged.wire_name, lambda body: self._evict("principal", body["merchant"]["id"]))
        access.doubted(self._forget)

    @staticmethod
    def is_one(token: bytes) -> bool:
        """Whether this is meant to be an API key; it may be mistyped."""
        return KEY.fullmatch(token) is not None

    def known(self, key: bytes, now: float) -> KeySession | None:
        """The session of a key that was verified a while ago."""
        session = self._sessions.get(key)
        if session is None:
            return None
        if session.expires_at <= now:
            del self._sessions[key]
            return None
        self._uses[session.session] = now
        return session

    async def verify(self, key: bytes, address: str) -> KeySession:
        """The session of a key. Raises `Trouble` 401, 429 after too many of these, or 503."""
        text = key.decode()
        digest = api_key.digest(text)
        if not api_key.well_formed(text) or digest in self._unknown:
            raise await self._refused(address)
        now = time.time()
        if self._wrong.used_up(who := addresses.network(address), now):
            await self._wrong.take(who)
        session = await self._found(digest)
        if session is None:
            _keep(self._unknown, digest, None, self._cache_size)
            raise await self._refused(address)
        self._uses[session.session] = now
        if session.expires_at > now:
            _keep(self._sessions, key, session, self._cache_size)
        return session

    async def note(self, timeout_seconds: float | None = None) -> None:
        """Tell the workers when keys were last used; it does no harm if that gets lost."""
        uses = [KeyUse(key_id=name, at=datetime.fromtimestamp(at, UTC)) for name, at in self._uses.items()]
        self._uses = {}
        for start in range(0, len(uses), USES_MAX):
            told = NoteKeyUses(uses=uses[start : start + USES_MAX])
            try:
                await self._questions.ask(told, Caller(""), timeout_seconds=timeout_seconds)
            except Trouble:
                log.warning("key_uses_not_noted", count=len(uses) - start)
                return

    async def note_for_ever(self, every_seconds: float) -> None:
        """Tell them now and then, not with each request."""
        while True:
            await asyncio.sleep(every_seconds)
            await self.note()

    async def _refused(self, address: str) -> Trouble:
        await self._wrong.take(addresses.network(address))
        return problems.api_key_invalid()

    async def _found(self, digest: str) -> KeySession | None:
        """Ask, once for all who want to know the same now."""
        task = self._asking.get(digest)
        if task is None:
            task = self._asking[digest] = asyncio.create_task(self._ask(digest))
            task.add_done_callback(lambda _: self._asking.pop(digest, None))
        return await asyncio.shield(task)

    async def _ask(self, digest: str) -> KeySession | None:
        for _ in range(TRIES_MAX):
            changes = self._changes
            word = await self._questions.ask(FindApiKey(digest=digest))
            until = time.time() + self._cache_seconds
            # An answer that an event overtook may be older than what the event said.
            if changes == self._changes:
                break
        else:
            until = 0.0
        if word["status"] == "failed":
            return None
        if word["status"] != "succeeded":
            raise problems.busy()
        return KeySession(KeyHolderView.model_validate(word["result"]), until, self._access)

    def _evict(self, name: str, value: str) -> None:
        self._changes += 1
        gone = [key for key, session in self._sessions.items() if getattr(session, name) == value]
        for key in gone:
            del self._sessions[key]

    def _forget(self) -> None:
        """Events may have been missed."""
        self._changes += 1
        self._sessions.clear()
        self._unknown.clear()


def _keep(cache: dict[Any, Any], name: Any, value: Any, size: int) -> None:
    if len(cache) >= size:
        cache.pop(next(iter(cache)))
    cache[name] = value
