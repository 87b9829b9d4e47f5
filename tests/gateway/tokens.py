"""Access tokens as the identity domain issues them, and as forgers would like to."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from contracts import ids


class Issuer:
    """A signing key with its name."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        self.key = Ed25519PrivateKey.generate()

    @property
    def jwk(self) -> dict[str, Any]:
        public: dict[str, Any] = json.loads(OKPAlgorithm.to_jwk(self.key.public_key()))
        return public | {"kid": self.kid, "use": "sig", "alg": "EdDSA"}

    def claims(self, subject: str | None = None, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": "saldo",
            "aud": "saldo",
            "sub": subject or ids.new("usr"),
            "sid": ids.new("ses"),
            "roles": ["customer"],
            "iat": now,
            "exp": now + 600,
            "jti": ids.new("jti"),
        } | changes

    def token(self, subject: str | None = None, **changes: Any) -> str:
        return jwt.encode(
            self.claims(subject, **changes), self.key, algorithm="EdDSA", headers={"kid": self.kid, "typ": "at+jwt"}
        )
