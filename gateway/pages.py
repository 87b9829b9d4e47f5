"""What is not in the route table: health, the generated documents, the documentation pages."""

from collections.abc import Callable

from gateway import problems, response
from gateway.request import Request
from gateway.response import Response
from gateway.metrics_server import readiness
from gateway.services import Services


class Pages:
    """Fixed paths, each answered to GET and HEAD."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.paths: dict[str, Callable[[], Response]] = {"/livez": self._live, "/readyz": self._ready}

    async def answer(self, request: Request) -> Response:
        """Answer one of the paths."""
        request.route = request.path
        if request.method == "OPTIONS":
            return Response(204, b"", [(b"allow", b"GET, HEAD, OPTIONS")])
        if request.method not in ("GET", "HEAD"):
            raise problems.method_not_allowed("GET, HEAD, OPTIONS")
        return self.paths[request.path]()

    def _live(self) -> Response:
        return response.json(200, {"status": "live"})

    def _ready(self) -> Response:
        return readiness(self._services)
