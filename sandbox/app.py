"""The application: the provider's API, its own page of documentation, and the probes."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import page, problems
from sandbox.admin import Admin
from sandbox.api import Api
from sandbox.callbacks import Callbacks
from sandbox.problems import ProblemError
from sandbox.request_log import RequestLog
from sandbox.settings import Settings
from sandbox.store import Store


def build(settings: Settings, store: Store) -> Starlette:
    """Put the parts together; the application closes the store when it stops."""
    callbacks = Callbacks(store, settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await callbacks.start()
        yield
        await callbacks.stop()
        store.close()

    async def ready(_: Request) -> Response:
        try:
            await store.ping()
        except sqlite3.Error:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", "The store doesn't answer.") from None
        return JSONResponse({"status": "ready"})

    return Starlette(
        routes=[
            Route("/", page.show, methods=["GET"]),
            Route("/livez", _live, methods=["GET"]),
            Route("/readyz", ready, methods=["GET"]),
            *Api(store, settings, callbacks).routes(),
            *Admin(store, settings).routes(),
        ],
        middleware=[Middleware(RequestLog)],
        exception_handlers={
            ProblemError: problems.on_problem,
            HTTPException: problems.on_http_exception,
        },
        lifespan=lifespan,
    )


async def _live(_: Request) -> Response:
    return JSONResponse({"status": "alive"})
