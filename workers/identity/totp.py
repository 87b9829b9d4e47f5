"""Authenticators: time-based one-time codes (RFC 6238) and recovery codes. Pure."""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self
from urllib.parse import quote, urlencode

from contracts import ids

ISSUER = "Saldo"
DIGITS = 6
STEP_SECONDS = 30
SECRET_BYTES = 20
"""As long as the hash of HMAC-SHA-1, which every authenticator knows (RFC 4226, 4)."""

DRIFT_STEPS = 1
"""How many steps a clock may be off (RFC 6238, 5.2)."""

RECOVERY_CODES = 10
RECOVERY_BYTES = 10


class Totp(NamedTuple):
    """One row of `identity.totps`; its id is the person's.

    `sealed` is the secret (see `workers/runtime/sealing.py`), `recovery` are the hashes of the codes that are left,
    `last_step` is that of the last code taken. Until it is confirmed nobody is asked for codes.
    """

    id: str
    sealed: str
    recovery: list[str]
    last_step: int
    confirmed_at: datetime | None
    created_at: datetime

    def __repr__(self) -> str:
        """Without secrets, be they sealed or hashed."""
        return f"Totp({self.id})"

    @property
    def enabled(self) -> bool:
        """Whether logging in takes a code."""
        return self.confirmed_at is not None

    @property
    def begun(self) -> bool:
        """Whether there is a secret that waits to be confirmed."""
        return self.sealed != "" and not self.enabled

    def after(self, steps: Sequence[int]) -> Self | None:
        """With the code of one of these steps taken; None where all of them are as old as one that was taken."""
        fresh = [step for step in steps if step > self.last_step]
        return self._replace(last_step=min(fresh)) if fresh else None

    def recovered(self, hashed: str) -> Self | None:
        """With this recovery code used up; None if it is not one that is left."""
        if hashed not in self.recovery:
            return None
        return self._replace(recovery=[one for one in self.recovery if one != hashed])

    def confirmed(self, at: datetime) -> Self:
        """In force."""
        return self._replace(confirmed_at=at)

    def anew(self, sealed: str, recovery: list[str], at: datetime) -> Self:
        """With another secret, of whose codes none was taken."""
        return self._replace(sealed=sealed, recovery=recovery, last_step=0, created_at=at)

    def removed(self) -> Self:
        """As if there had been none."""
        return self._replace(sealed="", recovery=[], confirmed_at=None)


def code(secret: bytes, step: int) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(at: datetime) -> int:
    """The number of the step that a moment lies in."""
    return int(at.timestamp()) // STEP_SECONDS


def steps(secret: bytes, said: str, at: datetime) -> list[int]:
    """The steps around this moment that have the code `said`; the time taken doesn't depend on what was said."""
    now, wanted = step_of(at), said.replace(" ", "").encode()
    around = range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
    return [step for step in around if hmac.compare_digest(code(secret, step).encode(), wanted)]


def text(secret: bytes) -> str:
    """The secret as people may have to type it: base32 (RFC 4648)."""
    return base64.b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, email: str) -> str:
    """The secret for a QR code."""
    about = {"secret": text(secret), "issuer": ISSUER, "algorithm": "SHA1", "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{ISSUER}:{quote(email)}?{urlencode(about)}"


def recovery_code(chance: bytes) -> str:
    """A recovery code as it is shown: 80 bits in groups of four."""
    plain = base64.b32encode(chance).decode().lower()
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def hashed(user_id: str, recovery: str) -> str:
    """What is kept of a recovery code. It has too many bits to be guessed, so a fast hash will do."""
    plain = "".join(letter for letter in recovery.lower() if letter.isalnum())
    return ids.text(ids.digest("recovery", user_id, plain, size=32))
