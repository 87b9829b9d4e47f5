"""Codes of a few digits that are computed from a key whenever they are needed, and kept nowhere."""

import hmac
from typing import NamedTuple


class Code(NamedTuple):
    """The recipe of a code: the same parts give the same digits under the same key, and nothing without it."""

    digits: int
    parts: tuple[str, ...]

    def __repr__(self) -> str:
        """Without the parts: a card number is one of them."""
        return f"Code({self.digits} digits)"

    def computed(self, key: bytes) -> str:
        """The code under this key: HMAC-SHA-256 over the length-prefixed parts, reduced to digits."""
        data = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in self.parts)
        number = int.from_bytes(hmac.digest(key, data, "sha256"), "big") % 10**self.digits
        return f"{number:0{self.digits}}"
