"""The ASGI application: finds the route, checks in the contract's order, answers, and leaves a trace of it."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Iterable

import structlog

from contracts import addresses
from contracts.envelope import Caller
from gateway import caller, edge, problems, response
from gateway.answers import ENDPOINTS
from gateway.cors import Cors
from gateway.edge import Route, Table
from gateway.instance import Instance
from gateway.pages import Pages
from gateway.places import Places
from gateway.problems import Trouble
from gateway.proxies import Proxies
from gateway.request import Disconnected, Receive, Request, Scope, Send
from gateway.response import NO_CONTENT, Response
from gateway.sending import send_response
from gateway.tracing import trace_id

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_CLOSED = 499

log = structlog.get_logger()


class App:
    """A raw ASGI callable: layers of middleware would cost more than all of its work."""

    def __init__(self, instance: Instance, routes: Iterable[Route]) -> None:
        self._instance = instance
        self._table = Table(routes)
        self._pages = Pages(instance)
        self._proxies = Proxies(instance.settings.trusted_proxies)
        self._cors = Cors(instance.settings.cors_origins)
        self._in_flight = 0
        settings = instance.settings
        self._limit = settings.in_flight_limit
        self._places = Places(settings.in_flight_limit, settings.in_flight_limit_per_caller)
        self._streams = Places(settings.streams_limit, settings.streams_limit_per_caller)
        self._numbers = itertools.count()
        instance.metrics.watch("saldo_http_in_flight", "Requests being answered.", lambda: self._in_flight)
        instance.metrics.watch("saldo_http_streams", "Event streams among them.", lambda: self._streams.taken)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection scope."""
        assert scope["type"] == "http", "there is no lifespan here"
        return self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = f"req_{self._instance.name}{next(self._numbers):x}"
        request = Request(scope, receive, number, time.perf_counter())
        self._in_flight += 1
        status = CLIENT_CLOSED
        try:
            if self._pages.shows(scope):
                status = await self._pages.show(request, receive, send)
                return
            answer = await self._answer(request)
            status = answer.status
            cors = self._cors.headers(request.headers.get(b"origin"))
            await send_response(request, answer, cors, send)
        except Disconnected:
            pass
        finally:
            self._in_flight -= 1
            if request.places is not None and request.principal is not None:
                request.places.leave(request.principal)
            self._leave_trace(request, status)

    async def _answer(self, request: Request) -> Response:
        try:
            if request.path in self._pages.paths:
                return self._pages.answer(request)
            if self._in_flight - self._streams.taken > self._limit:
                raise problems.busy()
            if request.method == "OPTIONS":
                return self._options(request)
            route, path = self._find(request)
            who = await self._caller(request, route)
            endpoint = route.endpoint or ENDPOINTS[route.kind]
            return await endpoint(self._instance, request, route, who, path)
        except Trouble as trouble:
            return response.trouble(trouble, request.instance)
        except (Disconnected, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("request_failed", request_id=request.id, route=request.route)
            return response.trouble(problems.internal(), request.instance)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]]:
        route, path = self._table.find(request.method, request.path)
        request.route = route.path
        self._instance.tracing.begin(request, route.path)
        client = request.scope["client"]
        request.address = self._proxies.address(client[0] if client else "", request.headers.get(b"x-forwarded-for"))
        return route, path

    async def _caller(self, request: Request, route: Route) -> Caller | None:
        instance, now = self._instance, time.time()
        if route.scope is None:
            if route.limit is not None:
                request.quota = await instance.limits[route.limit].take(addresses.network(request.address))
            return None
        token = caller.presented(request.headers.get(b"authorization"))
        session = instance.callers.known(token, now) or await instance.callers.verify(token, request.address)
        request.principal, request.permissions = session.principal, session.permissions
        limit, who = instance.limit, session.principal
        request.quota = limit.take_leased(who, now) or await limit.take(who)
        if route.limit is not None:
            request.quota = await instance.limits[route.limit].take(who)
        places = self._streams if route.streams else self._places
        places.take(who)
        request.places = places
        return session.caller(route.scope, request.address, request.named_id)

    def _options(self, request: Request) -> Response:
        methods, _ = self._table.at(request.path)
        allow = edge.allow(methods)
        preflight = self._cors.preflight(request.headers.get(b"origin"), allow)
        return Response(NO_CONTENT, b"", [(b"allow", allow.encode()), *preflight])

    def _leave_trace(self, request: Request, status: int) -> None:
        instance = self._instance
        seconds = time.perf_counter() - request.started_at
        method, route = request.method if request.method in METHODS else "OTHER", request.route or "-"
        instance.metrics.answered(method, route, status, seconds)
        trace = trace_id(request.traceparent)
        instance.access.answered(method, route, status, seconds, request.shown_id, trace, request.principal)
        instance.tracing.end(request, status)
