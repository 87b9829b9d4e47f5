"""Idempotency: keys, the operation ids derived from them, and fingerprints of what was asked."""

import json
import re
import secrets
from collections.abc import Iterable

from contracts import ids
from contracts.message import Message
from gateway import problems

BARE = re.compile(r"[\x21\x23-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]++|\\["\\])++)"')
KEY_LENGTH_MAX = 255

ID = re.compile(r"op_[0-9a-f]{42}")
TAG_LENGTH = 10
TAG_BYTES = 5


def key_of(header: str | None) -> str | None:
    """The key that a header names: quoted (RFC 9651 string) or bare, it is the same. Raises `Trouble` 400."""
    if header is None:
        return None
    if quoted := QUOTED.fullmatch(header):
        key = re.sub(r'\\(["\\])', r"\1", quoted[1]) if "\\" in header else quoted[1]
        if len(key) <= KEY_LENGTH_MAX:
            return key
    elif BARE.fullmatch(header):
        return header
    raise problems.key_invalid()


def unkeyed() -> str:
    """A key for a command that nobody will repeat."""
    return secrets.token_hex(16)


class OperationIds:
    """Makes and recognises operation ids: `op_`, 32 digits of principal and key, 10 of a keyed tag.

    The tag vouches for (id, principal): a gateway can tell an operation that the workers don't know yet from one
    that was never given out. It leaves the type out, for one key is one operation whatever the route:
    otherwise a key used on two routes would be two operations, and its misuse unseen.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def derive(self, principal: str, idempotency_key: str) -> str:
        """The operation of this key of this principal."""
        stem = ids.derived("op", principal, idempotency_key, key=self._key)
        return stem + self._tag(stem, principal)

    def given_to(self, operation: str, principal: str) -> bool:
        """Whether this id was made for this principal."""
        if not ID.fullmatch(operation):
            return False
        stem, tag = operation[:-TAG_LENGTH], operation[-TAG_LENGTH:]
        return secrets.compare_digest(self._tag(stem, principal), tag)

    def fingerprint(self, message: Message, maps: Iterable[str]) -> str:
        """What was asked, whatever the order of its fields; defaults are left out, so that new ones don't matter."""
        body = message.__pydantic_serializer__.to_json(message, exclude_defaults=not message.is_change)
        if any(len(getattr(message, name)) > 1 for name in maps):
            # Models are dumped in the order of their fields; only maps keep the order of the request's body.
            body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
        return ids.digest(message.wire_name, body.decode(), key=self._key).hex()

    def digest(self, *parts: str) -> bytes:
        """Of what a fingerprint must tell apart and nobody may read out of it."""
        return ids.digest(*parts, key=self._key)

    def _tag(self, stem: str, principal: str) -> str:
        return ids.text(ids.digest(stem, principal, key=self._key, size=TAG_BYTES))
