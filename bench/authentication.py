"""What knowing the caller costs a request: with a token that was verified before, and with one that was not."""

import json
import time
from collections.abc import Iterable
from typing import NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from contracts import ids
from gateway.instance import Instance
from gateway.settings import Settings

SCOPE, ADDRESS, KID = "wallets:read", "192.0.2.1", "bench"
LIFETIME_SECONDS = 600
TOKENS = 1_000
ROUNDS = 100


class Cost(NamedTuple):
    """Microseconds per request."""

    warm: float
    cold: float


async def measure() -> Cost:
    """Ask a gateway's own code who calls, without the rest of the gateway."""
    key = Ed25519PrivateKey.generate()
    unused = {"amqp_url": "amqp://unused", "redis_url": "redis://unused", "operation_id_key": bytes(32)}
    instance = Instance(Settings.model_validate(unused))
    instance.keys._take({"keys": [json.loads(OKPAlgorithm.to_jwk(key.public_key())) | {"kid": KID}]})
    instance.rights.loaded = True
    headers = [_header(key) for _ in range(TOKENS)]
    begun = time.perf_counter()
    for header in headers:
        (await instance.callers.verify(header, ADDRESS)).caller(SCOPE, ADDRESS)
    cold = time.perf_counter() - begun
    warm = min(_warm(instance, headers) for _ in range(ROUNDS))
    await instance.cache.close()
    return Cost(warm * 1e6 / TOKENS, cold * 1e6 / TOKENS)


def _warm(instance: Instance, headers: Iterable[bytes]) -> float:
    begun = time.perf_counter()
    for header in headers:
        session = instance.callers.known(header, time.time())
        assert session is not None, "it was verified before"
        session.caller(SCOPE, ADDRESS)
    return time.perf_counter() - begun


def _header(key: Ed25519PrivateKey) -> bytes:
    now = int(time.time())
    claims = {
        "iss": "saldo",
        "aud": "saldo",
        "sub": ids.new("usr"),
        "sid": ids.new("ses"),
        "roles": ["customer"],
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": ids.new("tok"),
    }
    token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": KID, "typ": "at+jwt"})
    return f"Bearer {token}".encode()
