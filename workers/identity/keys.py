"""Signing keys: Ed25519 (RFC 8037) for access tokens, and their public halves as a key set."""

import base64
import secrets
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.identity import JwksView
from workers.identity.keyring import Ring, base64url
from workers.identity.sessions import PREFIX, Lifetimes
from workers.runtime.sealing import Sealer
from workers.runtime.settings import Settings, SigningKey

ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068: so that no other JWT of ours can pass for an access token


class Signer:
    """Signs access tokens with the key that signs now; the others that are published are still believed.

    One serves one message: it brings a refresh token along, for handlers leave nothing to chance. What follows a token
    is always the same, so that its racing uses get the same answer, and nobody without our keys can tell it.
    """

    def __init__(self, settings: Settings, key: SigningKey, *, after: str | None = None) -> None:
        self._kid = key.kid
        self._private = _private(key)
        self.lifetime_seconds = settings.access_token_seconds
        days = timedelta(days=settings.session_days), timedelta(days=settings.refresh_token_days)
        self.lifetimes = Lifetimes(*days)
        text = secrets.token_urlsafe(32) if after is None else Sealer(settings.sealing_keys).mac(after, to=PREFIX)
        self.refresh_token = PREFIX + text

    def __repr__(self) -> str:
        return f"Signer({self._kid})"

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact JWS (RFC 7515) that names its key in `kid`."""
        headers = {"kid": self._kid, "typ": TOKEN_TYPE}
        return jwt.encode(claims, self._private, algorithm=ALGORITHM, headers=headers)


def public(settings: Settings, ring: Ring) -> JwksView:
    """The public halves of all keys that are believed, as RFC 7517 has them."""
    told = () if ring.alone else settings.signing_keys
    keys = [_jwk(key.kid, base64url(_private(key).public_key().public_bytes_raw())) for key in told]
    return JwksView(keys=[_jwk(row.id, row.public) for row in ring.rows] + keys)


def _jwk(kid: str, x: str) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": ALGORITHM}


def _private(key: SigningKey) -> Ed25519PrivateKey:
    seed = key.seed.get_secret_value()
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(seed + "=="))
