"""Passwords: argon2id (RFC 9106) in a thread, with the parameters of the settings."""

import asyncio
import secrets
import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from workers.identity.rules import NO_PASSWORD
from workers.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs; `memory_kib` is the largest part of it."""

    time_cost: int
    memory_kib: int
    parallelism: int

    @classmethod
    def of(cls, settings: Settings) -> "Cost":
        """The cost that the settings ask for."""
        return cls(settings.argon2_time_cost, settings.argon2_memory_kib, settings.argon2_parallelism)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password is right, and a new hash of it where the old one's parameters are outdated."""

    right: bool
    rehashed: str | None = None


async def hashed(password: str, cost: Cost) -> str:
    """A salted hash in the PHC string format."""
    return await asyncio.to_thread(_hasher(cost).hash, _normal(password))


async def verify(password: str, known: str | None, cost: Cost) -> Verdict:
    """Check a password against a hash, or against nobody's: the work and the time are the same."""
    return await asyncio.to_thread(_verify, _normal(password), known, cost)


def _verify(password: bytes, known: str | None, cost: Cost) -> Verdict:
    hasher = _hasher(cost)
    known = None if known == NO_PASSWORD else known
    try:
        hasher.verify(known or _nobodys(cost), password)
    except (VerificationError, InvalidHashError):
        return Verdict(right=False)
    if known is None:
        return Verdict(right=False)
    return Verdict(right=True, rehashed=hasher.hash(password) if hasher.check_needs_rehash(known) else None)


def _normal(password: str) -> bytes:
    # The same keys give other code points on other systems (NIST SP 800-63B, 5.1.1.2).
    return unicodedata.normalize("NFKC", password).encode()


@lru_cache(maxsize=8)
def _hasher(cost: Cost) -> PasswordHasher:
    return PasswordHasher(cost.time_cost, cost.memory_kib, cost.parallelism)


@lru_cache(maxsize=8)
def _nobodys(cost: Cost) -> str:
    """A hash of no password, of today's cost: not computed, or the first stranger took twice the time."""
    salt, result = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.time_cost},p={cost.parallelism}${salt}${result}"
