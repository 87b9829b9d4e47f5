"""Versions of things as entity tags (RFC 9110, 8.8.3): shown in `ETag`, and named in `If-Match` by a change of one."""

import re
from typing import Any

from contracts.message import Message
from gateway import problems
from gateway.problems import Header

TAG = re.compile(rb'"([1-9][0-9]{0,17})"')


def etag(result: dict[str, Any]) -> Header:
    """The tag of what is answered."""
    return b"etag", f'"{result["version"]}"'.encode()


def matching[M: Message](message: M, header: bytes) -> M:
    """The message as a change of the version that `If-Match` names.

    Raises `Trouble` 409: a tag that is none of ours, or another one than the body's, names a version that never was.
    """
    if header == b"*" or "version" not in type(message).model_fields:
        return message
    tag = TAG.fullmatch(header)
    said: int | None = getattr(message, "version", None)
    if tag is None or said not in (None, int(tag[1])):
        raise problems.version_conflict()
    return message.model_copy(update={"version": int(tag[1])})
