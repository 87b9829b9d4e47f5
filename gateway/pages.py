"""What is not in the route table: health, the generated documents, the documentation pages."""

from collections.abc import Callable
from functools import cache

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Match

from gateway import asyncapi, docs, openapi, problems, response
from gateway.instance import Instance
from gateway.metrics_server import readiness
from gateway.request import Receive, Request, Scope, Send
from gateway.response import JSON, NO_CONTENT, Response

ALLOW = "GET, HEAD, OPTIONS"
PREFIXES = tuple(route.path for route in docs.routes)


class Pages:
    """Fixed paths, each answered to GET and HEAD, and the pages that Starlette serves."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.paths: dict[str, Callable[[], Response]] = {
            "/livez": _live,
            "/readyz": self._ready,
            "/openapi.json": lambda: _document(_openapi()),
            "/asyncapi.json": lambda: _document(_asyncapi()),
        }
        self._starlette = Starlette(routes=docs.routes, exception_handlers={HTTPException: _problem})

    def answer(self, request: Request) -> Response:
        """Answer one of the paths. Raises `Trouble` 405."""
        request.route = request.path
        if request.method == "OPTIONS":
            return Response(NO_CONTENT, b"", [(b"allow", ALLOW.encode())])
        if request.method not in ("GET", "HEAD"):
            raise problems.method_not_allowed(ALLOW)
        return self.paths[request.path]()

    def shows(self, scope: Scope) -> bool:
        """Whether this is one of the pages for people."""
        # Asked for each request, so the cheap question comes first.
        if not scope["path"].startswith(PREFIXES):
            return False
        return any(route.matches(scope)[0] is not Match.NONE for route in docs.routes)

    async def show(self, request: Request, receive: Receive, send: Send) -> int:
        """Serve a page for people; its status."""
        request.route = "/docs"
        status = 500

        async def send_with_headers(message: dict[str, object]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]  # type: ignore[assignment]
                message["headers"] = _completed(request, message["headers"])  # type: ignore[arg-type]
            await send(message)

        options = request.method == "OPTIONS"
        page = StarletteResponse(None, NO_CONTENT, {"allow": ALLOW}) if options else self._starlette
        await page(request.scope, receive, send_with_headers)  # type: ignore[arg-type]
        return status

    def _ready(self) -> Response:
        return readiness(self._instance)


def _live() -> Response:
    return response.json(200, {"status": "live"})


def _document(body: bytes) -> Response:
    return Response(200, body, [JSON], common=response.CACHEABLE)


@cache
def _openapi() -> bytes:
    return to_json(openapi.document())


@cache
def _asyncapi() -> bytes:
    return to_json(asyncapi.document())


def _completed(request: Request, own: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in own}
    common = [(name, value) for name, value in response.SECURITY if name not in names]
    return [*own, *common, (b"x-request-id", request.shown_id.encode())]


def _problem(request: StarletteRequest, error: Exception) -> StarletteResponse:
    del request
    assert isinstance(error, HTTPException), "registered for nothing else"
    found = problems.not_found() if error.status_code == 404 else problems.method_not_allowed(ALLOW)  # noqa: PLR2004
    headers = {name.decode(): value.decode() for name, value in found.headers}
    body = problems.encoded(found.document("about:blank"))
    return StarletteResponse(body, found.status, headers, problems.CONTENT_TYPE.decode())
