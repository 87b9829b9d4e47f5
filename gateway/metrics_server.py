"""The small server beside the API, for Prometheus and probes: /metrics, /livez and /readyz on a port of their own."""

import uvicorn

from gateway import response
from gateway.instance import Instance
from gateway.request import Receive, Scope, Send
from gateway.response import Response

TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class MetricsApp:
    """Three paths; whoever reaches this port may read them."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serve one request."""
        assert scope["type"] == "http", "there is no lifespan here"
        answer = self._answer(scope["path"])
        length = (b"content-length", str(len(answer.body)).encode())
        headers = [*answer.headers, length]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _answer(self, path: str) -> Response:
        if path == "/metrics":
            return Response(200, self._instance.metrics.text(), [TEXT])
        if path == "/livez":
            return response.json(200, {"status": "live"})
        if path == "/readyz":
            return readiness(self._instance)
        return Response(404)


def readiness(instance: Instance) -> Response:
    """Whether this gateway can serve, and if not, what it lacks."""
    missing = instance.missing
    return response.json(503 if missing else 200, {"status": "not_ready" if missing else "ready", "missing": missing})


def config(instance: Instance) -> uvicorn.Config:
    """Its server's configuration."""
    settings = instance.settings
    return uvicorn.Config(
        MetricsApp(instance),
        host=settings.metrics_host,
        port=settings.metrics_port,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
    )
