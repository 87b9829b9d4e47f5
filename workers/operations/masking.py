"""What operators are shown of payloads: durable messages hold no secrets, and what looks like one is hidden anyway."""

import re
from typing import Any

from workers.runtime.audit import HIDDEN

SECRET = re.compile(
    r"(^|_)(password|passwd|pan|cvv|cvc|token|secret|key|totp|otp|pin|authorization|account_number)($|_)", re.IGNORECASE
)
# Credentials by their form, wherever they stand: our keys and webhook secrets, JWTs.
CREDENTIAL = re.compile(r"\b(?:sk|whsec)_[A-Za-z0-9_+/=-]{8,}|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
DIGITS = re.compile(r"(?<![A-Za-z0-9])(?:\d[ -]?){11,18}\d(?![A-Za-z0-9])")
DOUBLED_MAX = 9


def masked(value: Any) -> Any:
    """The same data without what its name or form says is secret."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if inner is not None and SECRET.search(name) else masked(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return text(value) if isinstance(value, str) else value


def text(value: str) -> str:
    """Free text without credentials and card numbers."""
    return DIGITS.sub(_card, CREDENTIAL.sub(HIDDEN, value))


def _card(found: re.Match[str]) -> str:
    digits = [int(one) for one in found[0] if one.isdigit()]
    return HIDDEN if _luhn(digits) else found[0]


def _luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = [digit if n % 2 == 0 else 2 * digit for n, digit in enumerate(reversed(digits))]
    return sum(digit if digit <= DOUBLED_MAX else digit - DOUBLED_MAX for digit in doubled) % 10 == 0
