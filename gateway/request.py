"""A request: what the edge reads of it, in one pass over its headers, and its body within bounds."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from gateway import problems
from gateway.protocol import CYCLE

if TYPE_CHECKING:
    from gateway.places import Places

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON_TYPES = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
DEVICE_LENGTH_MAX = 200
REMEMBERED_BYTES_MAX = 256
"""A longer header field is read anew each time: strangers don't say how much memory what is remembered takes."""

WHITE = b" \t"
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:=@/+-]{1,128}")
TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Disconnected(Exception):
    """The client has gone; nobody waits for an answer."""


class Request:
    """One request. `id` is ours, `named_id` the client's own if it sent a usable one, `shown_id` that or ours."""

    __slots__ = (
        "address", "drained", "headers", "id", "method", "named_id", "path", "permissions", "places", "principal",
        "quota", "receive", "route", "scope", "shown_id", "span", "started_at", "traceparent",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, number: str, started_at: float) -> None:
        self.scope = scope
        self.receive = receive
        self.id = number
        self.started_at = started_at
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = headers = _headers(scope["headers"])
        self.named_id = _request_id(headers.get(b"x-request-id"))
        self.shown_id = self.named_id or number
        self.traceparent = _traceparent(headers.get(b"traceparent"))
        self.address = ""
        self.principal: str | None = None
        self.permissions: frozenset[str] = frozenset()
        self.places: Places | None = None
        self.quota: tuple[tuple[bytes, bytes], ...] = ()
        self.route = ""
        self.span: Any = None
        # Whether nothing of the body is left on the wire.
        self.drained = b"content-length" not in headers and b"transfer-encoding" not in headers

    @property
    def instance(self) -> str:
        """This occurrence, for problems that no operation stands behind."""
        return f"urn:saldo:request:{self.shown_id}"

    def header(self, name: bytes) -> str | None:
        """One header as text; several of one name are joined by a comma and a line feed."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def device(self) -> str | None:
        """What the client calls itself, as far as it can be shown."""
        value = self.header(b"user-agent") or ""
        return "".join(filter(str.isprintable, value))[:DEVICE_LENGTH_MAX] or None

    async def body(self, limit_bytes: int, timeout_seconds: float) -> bytes:
        """The whole JSON body. Raises `Trouble` 413, 415 or 408, before reading where it can."""
        headers = self.headers
        # The parser has seen to it that a length is a number.
        announced = headers.get(b"content-length")
        if announced is not None and int(announced) > limit_bytes:
            raise problems.body_too_large(limit_bytes)
        expected = not self.drained and announced != b"0"
        if expected:
            _check_type(headers.get(b"content-type"), headers.get(b"content-encoding"))
        cycle = self.scope.get(CYCLE)
        body = cycle.body() if cycle is not None else None
        if body is None:
            body = await self._read(limit_bytes, timeout_seconds)
        self.drained = True
        if len(body) > limit_bytes:
            raise problems.body_too_large(limit_bytes)
        if body and b"content-type" not in headers:
            raise problems.unsupported_media_type()
        return body

    async def _read(self, limit_bytes: int, timeout_seconds: float) -> bytes:
        body, more = b"", True
        try:
            async with asyncio.timeout(timeout_seconds):
                while more:
                    if len(body) > limit_bytes:
                        raise problems.body_too_large(limit_bytes)
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
        except TimeoutError:
            raise problems.request_timeout() from None
        return body


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    # White space after a value is no part of it (RFC 9110, 5.5); the parser has left it there.
    found = {name: value.rstrip(WHITE) for name, value in pairs}
    if len(found) != len(pairs):
        found.clear()
        for name, value in pairs:
            # The line feed makes a repeated single-valued header unusable instead of picking one of the two.
            found[name] = (found[name] + b",\n" + value if name in found else value).rstrip(WHITE)
    return found


def _request_id(value: bytes | None) -> str | None:
    return value.decode() if value is not None and REQUEST_ID.fullmatch(value) else None


def _traceparent(value: bytes | None) -> str | None:
    return value.decode() if value is not None and TRACEPARENT.fullmatch(value) else None


def _is_json(content_type: bytes) -> bool:
    """Whether it is JSON in UTF-8; other parameters mean nothing (RFC 8259, 11)."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    named = (parameter.partition(b"=") for parameter in parameters)
    charsets = [value.strip().strip(b'"') for name, _, value in named if name.strip() == b"charset"]
    return kind == b"application/json" and all(charset == b"utf-8" for charset in charsets)


def _check_type(content_type: bytes | None, encoding: bytes | None) -> None:
    usual = content_type in JSON_TYPES or _is_json(content_type or b"")
    if not usual or (encoding is not None and encoding.lower() != b"identity"):
        raise problems.unsupported_media_type()
