"""uvicorn's HTTP protocol with what it lacks: limits on a request's head, and problems for what is not HTTP."""

import asyncio
from typing import Any, override

import httptools
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway import problems
from gateway.problems import Trouble


class HeadTooLarge(Exception):
    """More header bytes than we read."""


def limited(head_bytes_max: int, head_seconds_max: float) -> type[HttpToolsProtocol]:
    """The protocol with these limits."""
    return type("Protocol", (Protocol,), {"head_bytes_max": head_bytes_max, "head_seconds_max": head_seconds_max})


class Protocol(HttpToolsProtocol):
    """A client that sends its head slowly, or without end, is cut off."""

    head_bytes_max = 32_768
    head_seconds_max = 10.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._unset_keepalive_if_required()
            self.parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            too_large = isinstance(error.__context__, HeadTooLarge)
            self._refuse(problems.head_too_large() if too_large else problems.bad_request("The request can't be read."))
        except httptools.HttpParserUpgrade:
            # A client may offer an upgrade (RFC 9110, 7.8); we just don't take it up.
            pass
        except httptools.HttpParserError:
            self._refuse(problems.bad_request("This is not a valid HTTP request."))

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        if self._head_timer is None:
            self._await_head()

    @override
    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.head_bytes_max:
            raise HeadTooLarge

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds_max, self._late)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, trouble: Trouble) -> None:
        body = to_json(trouble.document("about:blank"))
        head = (
            f"HTTP/1.1 {trouble.status} Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        if not self.transport.is_closing():
            self.transport.write(head.encode() + body)
            self.transport.close()
