"""What a client prefers (RFC 7240): to wait for the result, or not to."""

import re
from functools import lru_cache
from typing import NamedTuple

from gateway.problems import Header
from gateway.request import REMEMBERED_BYTES_MAX

MEMBER = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*)?(?:;[^,]*)?')
DIGITS = re.compile(r"[0-9]+")
DIGITS_MAX = 9


class Preferences(NamedTuple):
    """`wait_seconds` as asked for, not clamped; both None and False where nothing usable was said."""

    wait_seconds: int | None = None
    respond_async: bool = False


NONE = Preferences()


def parse(header: bytes | None) -> Preferences:
    """Read a `Prefer` header; what is malformed or unknown is ignored, of repeated ones the first counts."""
    if header is None:
        return NONE
    return _remembered(header) if len(header) <= REMEMBERED_BYTES_MAX else _read(header)


def _read(header: bytes) -> Preferences:
    said: dict[str, str] = {}
    for part in header.decode("latin-1").split(","):
        member = MEMBER.fullmatch(part)
        if member is not None:
            said.setdefault(member[1].lower(), (member[2] or "").strip('"'))
    wait = said.get("wait", "")
    # A wait is clamped however long it is; Python reads no number of thousands of digits.
    seconds = int(wait.lstrip("0")[:DIGITS_MAX] or "0") if DIGITS.fullmatch(wait) else None
    return Preferences(seconds, "respond-async" in said)


_remembered = lru_cache(maxsize=1024)(_read)


@lru_cache(maxsize=1024)
def patience(prefer: Preferences, usual_seconds: float, seconds_max: int) -> tuple[float, tuple[Header, ...]]:
    """How long to wait for a client that prefers this, and the field that says which preferences were applied."""
    # RFC 7240, 4.3: with both, the answer is asynchronous only where the wait was not enough.
    applied = ["respond-async"] if prefer.respond_async else []
    seconds = 0.0 if prefer.respond_async else usual_seconds
    if prefer.wait_seconds is not None:
        seconds = min(prefer.wait_seconds, seconds_max)
        applied.append(f"wait={seconds}")
    return seconds, ((b"preference-applied", ", ".join(applied).encode()),) if applied else ()
