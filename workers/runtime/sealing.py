"""What must be kept but not in clear: sealed with AES-256-GCM (NIST SP 800-38D) by a ring of keys with ids."""

import base64
import binascii
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workers.runtime.settings import SealingKey

NONCE_BYTES = 12


class SealBroken(Exception):
    """It was sealed with a key that is not in the ring, for something else, or it was changed."""


class Sealer:
    """Seals with the first key of the ring, opens with the one that is named."""

    def __init__(self, ring: Sequence[SealingKey]) -> None:
        self._newest = ring[0].id
        self._keys = {one.id: AESGCM(base64.urlsafe_b64decode(one.key.get_secret_value() + "==")) for one in ring}

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

    def outdated(self, sealed: str) -> bool:
        """Whether it was sealed with an older key than today's."""
        return sealed.partition(".")[0] != self._newest
