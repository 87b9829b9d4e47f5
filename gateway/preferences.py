"""What a client prefers (RFC 7240): to wait for the result, or not to."""

import re
from dataclasses import dataclass
from functools import lru_cache

MEMBER = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)\s*)?(?:;[^,]*)?')
DIGITS = re.compile(r"[0-9]{1,400}")


@dataclass(frozen=True, slots=True)
class Preferences:
    """`wait_seconds` as asked for, not clamped; both None and False where nothing usable was said."""

    wait_seconds: int | None = None
    respond_async: bool = False


NONE = Preferences()


@lru_cache(maxsize=1024)
def parse(header: bytes | None) -> Preferences:
    """Read a `Prefer` header; what is malformed or unknown is ignored, of repeated ones the first counts."""
    if header is None:
        return NONE
    said: dict[str, str] = {}
    for part in header.decode("latin-1").split(","):
        member = MEMBER.fullmatch(part)
        if member is not None:
            said.setdefault(member[1].lower(), (member[2] or "").strip('"'))
    wait = said.get("wait", "")
    return Preferences(int(wait) if DIGITS.fullmatch(wait) else None, "respond-async" in said)
