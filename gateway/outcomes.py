"""Outcomes of operations, kept in Redis for polls and told to the other gateways; lossy, for workers know them all."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from pydantic_core import from_json, to_json
from redis.exceptions import RedisError

from gateway.cache import Cache, CacheAway
from gateway.metrics import Metrics
from gateway.questions import Word

CHANNEL = "saldo:outcomes"
UNSAVED_MAX = 10_000
BATCH_MAX = 500
GATHER_SECONDS = 0.01
NOTE_TTL_SECONDS = 86_400
PAUSE_SECONDS = 1.0
UNKNOWN_TYPE = "operations.Unknown"
"""The type of an operation whose id is all that is known of it."""

KEEP = """
for name, outcome in string.gmatch(ARGV[3], '([^ \\n]+) ([^\\n]+)') do
    redis.call('SET', 'saldo:outcome:' .. name, outcome, 'EX', ARGV[1])
end
redis.call('PUBLISH', 'saldo:outcomes', ARGV[2])
"""

Tell = Callable[[str, Word | None], None]

log = structlog.get_logger()


class Outcomes:
    """A cache: a miss means to ask the workers. Only final outcomes are kept, for others go stale."""

    def __init__(self, cache: Cache, metrics: Metrics, *, instance: str, ttl_seconds: int) -> None:
        self._cache = cache
        self._metrics = metrics
        self._instance = instance
        self._ttl_seconds = ttl_seconds
        self._keep = cache.client.register_script(KEEP)
        self._unsaved: list[tuple[str, bytes | None]] = []
        self._wake = asyncio.Event()

    def keep(self, operation: str, word: Word | None) -> None:
        """Save an outcome soon, together with others, or (None) only tell that there is one; never waits."""
        if len(self._unsaved) >= UNSAVED_MAX:
            self._metrics.outcomes_lost.inc()
            return
        # Encoded while it is in the processor's cache: it has just been read, and is about to be answered.
        self._unsaved.append((operation, None if word is None else to_json(word)))
        self._wake.set()

    async def find(self, operation: str) -> Word | None:
        """A kept outcome, if there is one."""
        try:
            found = await self._cache.run(lambda: self._cache.client.get(_key(operation)))
        except CacheAway:
            return None
        return None if found is None else _word(found)

    async def note(self, operation: str, word: Word) -> None:
        """Remember of a pending operation what its id does not tell, unless its outcome is known."""
        with suppress(CacheAway):
            client = self._cache.client
            await self._cache.run(lambda: client.set(_note(operation), to_json(word), ex=NOTE_TTL_SECONDS, nx=True))

    async def noted(self, operation: str) -> Word | None:
        """What was noted."""
        try:
            found = await self._cache.run(lambda: self._cache.client.get(_note(operation)))
        except CacheAway:
            return None
        return None if found is None else _word(found)

    async def save_for_ever(self) -> None:
        """Write what is unsaved, in batches: one after the other, so that they grow under load."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unsaved:
                batch, self._unsaved = self._unsaved[:BATCH_MAX], self._unsaved[BATCH_MAX:]
                await self._save(batch)
            # A poll that comes sooner asks the workers; larger batches are worth that.
            await asyncio.sleep(GATHER_SECONDS)

    async def _save(self, batch: list[tuple[str, bytes | None]]) -> None:
        told = " ".join([self._instance, *[operation for operation, _ in batch]])
        # One argument for all, with a line for each: the client takes its time over each argument.
        lines = b"\n".join([b"%b %b" % (name.encode(), outcome) for name, outcome in batch if outcome is not None])
        try:
            await self._cache.run(lambda: self._keep(args=[self._ttl_seconds, told, lines]))
        except CacheAway:
            self._metrics.outcomes_lost.inc(len(batch))

    async def listen_for_ever(self, wanted: Callable[[str], bool], tell: Tell) -> None:
        """Hear of other gateways' outcomes, and pass on what is wanted here; None is one that was not kept."""
        while True:
            try:
                await self._listen(wanted, tell)
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(PAUSE_SECONDS)

    async def _listen(self, wanted: Callable[[str], bool], tell: Tell) -> None:
        async with self._cache.client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANNEL)
            while True:
                message = await subscription.get_message(timeout=PAUSE_SECONDS)
                if message is not None:
                    await self._pass_on(message["data"].decode().split(" "), wanted, tell)

    async def _pass_on(self, parts: list[str], wanted: Callable[[str], bool], tell: Tell) -> None:
        operations = [name for name in parts[1:] if wanted(name)] if parts[0] != self._instance else []
        if operations:
            with suppress(CacheAway):
                keys = [_key(name) for name in operations]
                found = await self._cache.run(lambda: self._cache.client.mget(keys))
                for name, value in zip(operations, found, strict=True):
                    tell(name, None if value is None else _word(value))


def pending(type_: str, at: float | None = None) -> Word:
    """The word on an operation that the workers don't know yet."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return {"status": "pending", "type": type_, "created_at": moment}


def _key(operation: str) -> str:
    return f"saldo:outcome:{operation}"


def _note(operation: str) -> str:
    return f"saldo:pending:{operation}"


def _word(value: Any) -> Word | None:
    try:
        found = from_json(value)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "status" in found else None
