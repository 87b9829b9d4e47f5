"""The outermost layer: request ids, security headers, one log line per request, no unexplained 500."""

import re
import time
import uuid
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox import log
from sandbox.problems import ProblemError

REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
QUIET = {"/livez", "/readyz"}


class RequestLog:
    """Headers, bodies and query strings never reach the log: they may hold secrets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and write down how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, send)
        try:
            await self._app(scope, receive, exchange.send)
        except Exception:  # noqa: BLE001 - the last line of defence: logged with its stack, answered as 500
            log.LOGGER.exception("request_crashed", extra={"fields": exchange.facts()})
            await exchange.crash(receive)
        finally:
            exchange.log()


class Exchange:
    """One request and the head of its answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        trace = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
        self.request_id = given if REQUEST_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
        self.trace_id = trace.group(1) if trace else None
        self.status: int | None = None
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Stamp the head, remember the status, pass the rest through."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    async def crash(self, receive: Receive) -> None:
        """Answer 500 without a word about the inside, if nothing was answered yet."""
        if self.status is None:
            problem = ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something broke here.")
            await problem.response(self._scope["path"])(self._scope, receive, self.send)

    def facts(self) -> dict[str, object]:
        """Say what is safe to log."""
        known = {
            "method": self._scope["method"],
            "path": self._scope["path"][:256],
            "status": self.status,
            "milliseconds": round((time.perf_counter() - self._began) * 1000, 1),
            "request_id": self.request_id,
            "trace_id": self.trace_id,
        }
        return {name: value for name, value in known.items() if value is not None}

    def log(self) -> None:
        """Write the line, except for probes that went well."""
        if self._scope["path"] not in QUIET or self.status != HTTPStatus.OK:
            log.event("request", **self.facts())
