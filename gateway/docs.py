"""The pages people read: Swagger UI at `/docs`, the messages at `/asyncapi`, and their vendored files."""

from pathlib import Path
from typing import override

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"

# The least that both pages need: everything from this origin, nothing inline, no eval. The one exception
# is pictures as data: URLs, which both vendored stylesheets embed.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}

OPENAPI_PAGE = (STATIC / "pages" / "openapi.html").read_text(encoding="utf-8")
ASYNCAPI_PAGE = (STATIC / "pages" / "asyncapi.html").read_text(encoding="utf-8")


class RevalidatedFiles(StaticFiles):
    """Files that a browser may keep, but asks about each time: a new release shows at once."""

    @override
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response


async def openapi_page(_: Request) -> Response:
    """Answer Swagger UI over `/openapi.json`."""
    return HTMLResponse(OPENAPI_PAGE, headers=HEADERS)


async def asyncapi_page(_: Request) -> Response:
    """Answer the AsyncAPI component over `/asyncapi.json`."""
    return HTMLResponse(ASYNCAPI_PAGE, headers=HEADERS)


routes: list[Route | Mount] = [
    Route("/docs", openapi_page, methods=["GET"]),
    Route("/asyncapi", asyncapi_page, methods=["GET"]),
    Mount("/static", RevalidatedFiles(directory=STATIC)),
]
