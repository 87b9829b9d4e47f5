"""Redis, as something that may be away: quick to fail, and left alone for a moment after it did."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

TIMEOUT_SECONDS = 0.5
REST_SECONDS = 1.0
CONNECTIONS_MAX = 64


class CacheAway(Exception):
    """Redis did not answer, or has just failed to."""


class Cache:
    """A Redis client whose every use is bounded in time."""

    def __init__(self, url: str) -> None:
        self.client = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),
            max_connections=CONNECTIONS_MAX,
        )
        self._away_until = 0.0

    @property
    def away(self) -> bool:
        """Whether it failed a moment ago."""
        return time.monotonic() < self._away_until

    async def run(self, command: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of one command. Raises `CacheAway`."""
        if self.away:
            raise CacheAway
        try:
            async with asyncio.timeout(2 * TIMEOUT_SECONDS):
                return await command()
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + REST_SECONDS
            raise CacheAway from error

    async def close(self) -> None:
        """Close its connections."""
        with suppress(RedisError, OSError, TimeoutError):
            await self.client.aclose()
