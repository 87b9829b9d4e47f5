"""`python -m sandbox`: check the settings, open the store, serve until told to stop."""

import signal
import socket
import sys
from types import FrameType

import uvicorn

from sandbox import app, log, transport
from sandbox import settings as configuration
from sandbox.settings import Settings, SettingsInvalidError
from sandbox.store import Patience, Store, StoreUnusableError

EXIT_MISCONFIGURED = 2


def main() -> int:
    """Return the exit code; problems with the set-up are one line each, without a traceback."""
    try:
        settings = configuration.load()
        listener = _listen(settings)
        store = opened(settings)
    except SettingsInvalidError as error:
        for problem in error.problems:
            print(f"sandbox: {problem}", file=sys.stderr)
        return EXIT_MISCONFIGURED
    log.configure()
    # uvicorn repeats the signal that stopped it; to have been asked to stop is no failure.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    host, port = listener.getsockname()[:2]
    log.event("listening", host=host, port=port)
    try:
        server(settings, store).run(sockets=[listener])
    finally:
        log.event("stopped")
    return 0


def server(settings: Settings, store: Store) -> uvicorn.Server:
    """Configure uvicorn; it finishes what it took, up to the shutdown timeout."""
    config = uvicorn.Config(
        app.build(settings, store),
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        http=transport.Protocol,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=settings.connections_limit,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
    )
    return uvicorn.Server(config)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.http_host, settings.http_port
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        problem = f"HTTP_HOST, HTTP_PORT: cannot listen on {host} port {port}: {error.strerror or error}"
        raise SettingsInvalidError([problem]) from None


def opened(settings: Settings) -> Store:
    """The store that the settings name. Raises `SettingsInvalidError`."""
    try:
        return Store(settings.sandbox_store, Patience(settings.delay_seconds, settings.reversal_seconds))
    except StoreUnusableError as error:
        raise SettingsInvalidError([f"SANDBOX_STORE: {error}"]) from None


if __name__ == "__main__":
    sys.exit(main())
