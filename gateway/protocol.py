"""uvicorn's HTTP protocol with what it lacks: limits on a request's head, problems for non-HTTP, and a short cut."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, cast, override

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from contracts import ids
from gateway import problems
from gateway.problems import Header, Trouble

CYCLE = "saldo.cycle"
"""The key of an ASGI scope under which the short cut is."""

CONTROLS = bytes([*range(0x09), *range(0x0A, 0x20), 0x7F])
LINE_END = b"\r\n"


class HeadTooLarge(Exception):
    """More header bytes than we read."""


class Cycle:
    """The short cut past ASGI's messages for a request that has arrived whole and is answered at once.

    uvicorn checks and copies each header of each response; that alone cost a seventh of a transfer's CPU.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    @property
    def writable(self) -> bool:
        """Whether the client keeps up with reading."""
        return not self._cycle.flow.write_paused

    def body(self) -> bytes | None:
        """The whole body, if it is here."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        return body

    def respond(self, status: int, headers: Sequence[Header], common: tuple[Header, ...], body: bytes) -> None:
        """Send a whole response; `headers` have its content length, `common` ones are shared by many responses."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        # It leads back to here: without it a request leaves nothing to the garbage collector.
        del cycle.scope[CYCLE]  # type: ignore[misc]
        own = _lines(headers)
        controls = len(own) - len(own.translate(None, CONTROLS))
        assert controls == len(LINE_END) * len(headers), "a header with control characters"
        default = _lines(cycle.default_headers)
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        shown = b"" if cycle.scope["method"] == "HEAD" else body
        cycle.transport.write(b"".join((STATUS_LINE[status], default, own, _shared(common), close, LINE_END, shown)))
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


def _lines(headers: Iterable[Header]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


_shared = cache(_lines)


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
        self._part_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_pending = True
        self._receiving = False
        self._arrived: tuple[RequestResponseCycle, Any] | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_complete()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._receiving = True
        self._part_bytes = len(data)
        if self._head_pending:
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
            if self._head_pending and self._head_bytes > self.head_bytes_max:
                self._refuse(problems.head_too_large())
        except httptools.HttpParserCallbackError as error:
            too_large = isinstance(error.__context__, HeadTooLarge)
            self._refuse(problems.head_too_large() if too_large else problems.bad_request("The request can't be read."))
        except httptools.HttpParserUpgrade:
            # A client may offer an upgrade (RFC 9110, 7.8); we just don't take it up.
            pass
        except httptools.HttpParserError:
            self._refuse(problems.bad_request("This is not a valid HTTP request."))
        finally:
            self._receiving = False
            self._start_arrived()
        if self._head_pending and self._head_timer is None:
            self._await_head()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_pending = True

    @override
    def on_headers_complete(self) -> None:
        # Counting header by header would cost more than all that follows; most heads need no counting.
        if self._head_bytes + self._part_bytes > self.head_bytes_max and self._head_size() > self.head_bytes_max:
            raise HeadTooLarge
        self._head_bytes = 0
        self._head_pending = False
        self._head_complete()
        super().on_headers_complete()
        self.scope[CYCLE] = Cycle(self.cycle)  # type: ignore[literal-required]

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._receiving:
            # With what has arrived of the body, most often all of it.
            self._arrived = (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def _start_arrived(self) -> None:
        if self._arrived is not None:
            (cycle, app), self._arrived = self._arrived, None
            # Eagerly, in this turn of the loop: one more turn per request costs more than it spreads.
            task = asyncio.Task(cycle.run_asgi(app), loop=self.loop, eager_start=True)
            if not task.done():
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds_max, self._late)

    def _head_complete(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, trouble: Trouble) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and cycle.more_body:
            # It is this request's body that can't be read.
            self._arrived = None
            self._answer(trouble)
            return
        self._start_arrived()
        if cycle is None or cycle.response_complete:
            self._answer(trouble)
        else:
            # Answers come in order: the ones that are due still come, then the connection ends.
            cycle.keep_alive = False

    def _answer(self, trouble: Trouble) -> None:
        request = ids.new("req")
        body = problems.encoded(trouble.document(f"urn:saldo:request:{request}"))
        head = (
            f"HTTP/1.1 {trouble.status} {HTTPStatus(trouble.status).phrase}\r\n"
            f"x-request-id: {request}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        if not self.transport.is_closing():
            self.transport.write(head.encode() + body)
            self.transport.close()
