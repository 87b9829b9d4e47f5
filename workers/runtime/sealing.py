"""What must be kept but not in clear: sealed with AES-256-GCM (NIST SP 800-38D) by a ring of keys with ids."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workers.runtime.settings import SealingKey

NONCE_BYTES = 12


class SealBroken(Exception):
    """It was sealed with a key that is not in the ring, for something else, or it was changed."""


class Sealer:
    """Seals and signs with the first key of the ring; opens and verifies with the one that is named."""

    def __init__(self, ring: Sequence[SealingKey]) -> None:
        self._newest = ring[0].id
        keys = {one.id: base64.urlsafe_b64decode(one.key.get_secret_value() + "==") for one in ring}
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        # One key, one purpose: what signs is derived.
        self._signing = {name: hmac.digest(key, b"saldo signature", "sha256") for name, key in keys.items()}

    def __repr__(self) -> str:
        return f"Sealer({self._newest})"

    def seal(self, plain: bytes, *, to: str) -> str:
        """`key id.base64url`. It opens only `to` the same name, e.g. of its row: nobody can swap two of them."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._keys[self._newest].encrypt(nonce, plain, to.encode())
        return f"{self._newest}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, *, to: str) -> bytes:
        """What was sealed `to` that name. Raises `SealBroken`."""
        name, _, text = sealed.partition(".")
        try:
            data = base64.urlsafe_b64decode(text)
            return self._keys[name].decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], to.encode())
        except (KeyError, InvalidTag, ValueError, binascii.Error):
            raise SealBroken(f"the seal of {to} does not open") from None

    def sign(self, text: str, *, to: str) -> str:
        """`key id.base64url` of an HMAC-SHA-256: nobody without the key can make it, for this text and purpose."""
        return f"{self._newest}.{self.mac(text, to=to)}"

    def mac(self, text: str, *, to: str) -> str:
        """The signature by today's key without its id: for what nobody has to verify by it."""
        return self._mac(self._newest, text, to)

    def signed(self, text: str, signature: str, *, to: str) -> bool:
        """Whether that is a signature of ours."""
        name, _, mac = signature.partition(".")
        return name in self._signing and hmac.compare_digest(self._mac(name, text, to).encode(), mac.encode())

    def _mac(self, name: str, text: str, to: str) -> str:
        data = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in (to, text))
        return base64.urlsafe_b64encode(hmac.digest(self._signing[name], data, "sha256")).decode().rstrip("=")

    def outdated(self, sealed: str) -> bool:
        """Whether it was sealed with an older key than today's."""
        return sealed.partition(".")[0] != self._newest
