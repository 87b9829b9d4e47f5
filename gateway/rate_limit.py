"""Rate limits: quotas per minute kept in Redis and leased in blocks, so that most requests ask nobody."""

import asyncio
import time
from dataclasses import dataclass

from gateway import problems
from gateway.cache import Cache, CacheAway
from gateway.problems import Header

WINDOW_SECONDS = 60
BLOCKS_PER_WINDOW = 20
LEASES_MAX = 100_000

TAKE = """
local used = redis.call('INCRBY', KEYS[1], ARGV[1])
if used == tonumber(ARGV[1]) then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
local over = math.min(math.max(used - tonumber(ARGV[2]), 0), tonumber(ARGV[1]))
if over > 0 then redis.call('DECRBY', KEYS[1], over) end
return {tonumber(ARGV[1]) - over, math.max(tonumber(ARGV[2]) - used, 0)}
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests a window. `strict`: counted one by one, not in blocks.

    `closed`: when Redis is away, nothing passes; otherwise each gateway counts alone.
    """

    name: str
    quota: int
    strict: bool = False
    closed: bool = False

    @property
    def block(self) -> int:
        """How much is leased at once."""
        return 1 if self.strict else max(1, self.quota // BLOCKS_PER_WINDOW)

    @property
    def header(self) -> Header:
        """The policy as its standard field."""
        return b"ratelimit-policy", f'"{self.name}";q={self.quota};w={WINDOW_SECONDS}'.encode()


class Lease:
    """A part of somebody's quota in one window: `left` here, `beyond` still in Redis."""

    __slots__ = ("alone", "beyond", "exhausted", "left", "renewing", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.left = 0
        self.beyond = 0
        self.exhausted = False
        self.alone = False
        self.renewing: asyncio.Future[None] | None = None


class RateLimit:
    """One policy, counted per caller or address."""

    def __init__(self, policy: Policy, cache: Cache) -> None:
        self._policy = policy
        self._header = policy.header
        self._cache = cache
        self._take = cache.client.register_script(TAKE)
        self._leases: dict[str, Lease] = {}

    def take_leased(self, who: str, now: float) -> tuple[Header, Header] | None:
        """Take one from what is leased; the fields to answer with, or None where Redis must be asked."""
        lease = self._leases.get(who)
        if lease is None or lease.left <= 0 or lease.window != int(now // WINDOW_SECONDS):
            return None
        lease.left -= 1
        return self._fields(lease, now)

    def used_up(self, who: str, now: float) -> bool:
        """Whether nothing is left of this window's quota, as far as is known here."""
        lease = self._leases.get(who)
        if lease is None or lease.window != int(now // WINDOW_SECONDS):
            return False
        return lease.exhausted and lease.left <= 0

    async def take(self, who: str) -> tuple[Header, Header]:
        """Take one; the fields to answer with. Raises `Trouble` 429, or 503 for a closed policy without Redis."""
        while True:
            now = time.time()
            if fields := self.take_leased(who, now):
                return fields
            lease = self._lease(who, int(now // WINDOW_SECONDS))
            if lease.exhausted:
                trouble = problems.rate_limited(_left_of_window(now))
                trouble.headers = [*trouble.headers, *self._fields(lease, now)]
                raise trouble
            await self._renew(who, lease)

    def _lease(self, who: str, window: int) -> Lease:
        lease = self._leases.get(who)
        if lease is None or lease.window != window:
            if len(self._leases) >= LEASES_MAX:
                self._leases = {name: old for name, old in self._leases.items() if old.window == window}
            if len(self._leases) >= LEASES_MAX:
                self._leases.clear()
            lease = self._leases[who] = Lease(window)
        return lease

    async def _renew(self, who: str, lease: Lease) -> None:
        if lease.renewing is not None:
            await asyncio.shield(lease.renewing)
            return
        lease.renewing = asyncio.get_running_loop().create_future()
        try:
            await self._ask(who, lease)
        finally:
            lease.renewing.set_result(None)
            lease.renewing = None

    async def _ask(self, who: str, lease: Lease) -> None:
        policy = self._policy
        key = f"saldo:quota:{policy.name}:{who}:{lease.window}"
        try:
            arguments = [policy.block, policy.quota, 2 * WINDOW_SECONDS]
            granted, beyond = await self._cache.run(lambda: self._take(keys=[key], args=arguments))
        except CacheAway:
            if policy.closed:
                raise problems.busy() from None
            # Each gateway grants the whole quota once per window on its own.
            granted, beyond = 0 if lease.alone else policy.quota, 0
            lease.alone = True
        lease.left += granted
        lease.beyond = beyond
        lease.exhausted = granted == 0

    def _fields(self, lease: Lease, now: float) -> tuple[Header, Header]:
        remaining = lease.left + lease.beyond
        text = f'"{self._policy.name}";r={remaining};t={_left_of_window(now)}'
        return self._header, (b"ratelimit", text.encode())


def _left_of_window(now: float) -> int:
    return WINDOW_SECONDS - int(now % WINDOW_SECONDS)
