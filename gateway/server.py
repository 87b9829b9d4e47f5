"""Runs a gateway: its API and its metrics server, from listening to the last answered request."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Iterator
from typing import override

import structlog
import uvicorn

from gateway import metrics_server
from gateway.app import App
from gateway.instance import Instance
from gateway.protocol import limited
from gateway.routes import ROUTES
from gateway.settings import Settings, SettingsInvalid

BACKLOG = 2048
GC_THRESHOLDS = (100_000, 20, 100)

log = structlog.get_logger()


class Server(uvicorn.Server):
    """uvicorn, without its own handling of signals."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Gateway:
    """One instance that serves until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.instance = Instance(settings)
        self._sockets = {
            "HTTP": listen("HTTP", settings.http_host, settings.http_port),
            "METRICS": listen("METRICS", settings.metrics_host, settings.metrics_port),
        }
        self._api = Server(_config(self.instance))
        self._metrics = Server(metrics_server.config(self.instance))
        self._stopping: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where the API listens."""
        return int(self._sockets["HTTP"].getsockname()[1])

    @property
    def metrics_port(self) -> int:
        """Where the metrics are."""
        return int(self._sockets["METRICS"].getsockname()[1])

    async def serve(self) -> None:
        """Serve, finish what was taken, and return."""
        settings = self.instance.settings
        log.info("listening", host=settings.http_host, port=self.port, metrics_port=self.metrics_port)
        metrics = asyncio.create_task(self._metrics.serve(sockets=[self._sockets["METRICS"]]))
        # What exists now lives as long as the process, and a request leaves no cycles: the collector looks rarely.
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self.instance.start()
        try:
            await self._api.serve(sockets=[self._sockets["HTTP"]])
        finally:
            if self._stopping is not None:
                # Nobody waits any more who could be let go.
                self._stopping.cancel()
            await self.instance.stop()
        self._metrics.should_exit = True
        await metrics
        log.info("stopped")

    def stop(self) -> None:
        """Stop gracefully: take nothing new, finish what is there within bounds."""
        if self._stopping is None:
            log.info("stopping")
            self._api.should_exit = True
            self._stopping = asyncio.get_running_loop().create_task(self.instance.drain())
        else:
            self._api.force_exit = True


def _config(instance: Instance) -> uvicorn.Config:
    settings = instance.settings
    return uvicorn.Config(
        App(instance, ROUTES),
        interface="asgi3",
        http=limited(settings.head_limit_bytes, settings.head_timeout_seconds),
        log_config=None,
        access_log=False,
        # Its end would be left out when we are told twice to stop.
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=settings.connections_limit,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def listen(name: str, host: str, port: int) -> socket.socket:
    """A listening socket. Raises `SettingsInvalid`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        problem = f"{name}_HOST, {name}_PORT: cannot listen on {host} port {port}: {error.strerror or error}"
        raise SettingsInvalid([problem]) from None
