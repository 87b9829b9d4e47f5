"""The committed table of who may do what, walked at a running gateway: every route, as everybody."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from contracts.message import NotFound
from gateway.edge import Route
from gateway.routes import ROUTES
from gateway.server import Gateway
from ops import authorization
from ops.authorization import ANY, NOBODY, OPEN, OWN, PEOPLE, REFUSED, YES
from ops.generate import AUTHORIZATION
from ops.local.home import PROJECT
from tests.gateway import clients
from tests.gateway.clients import Answer, Client
from tests.gateway.tokens import Issuer
from tests.gateway.worker import Script, Worker
from tests.servers import RedisDatabases, Vhosts


class Nothing(dict[str, Script]):
    """Whatever the worker is asked, there is no such thing: who is let through learns as much."""

    def get(self, key: str, default: Any = None) -> Any:
        del key, default
        return lambda _: NotFound()


def committed() -> dict[str, list[str]]:
    """The cells of each route, as people read them in the document."""
    lines = (PROJECT / AUTHORIZATION).read_text().splitlines()
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {route: cells for route, _, *cells in rows}


TABLE = committed()


@pytest.fixture(scope="module")
async def door(vhosts: Vhosts, redis_databases: RedisDatabases) -> AsyncIterator[tuple[Gateway, Worker, Issuer]]:
    """One gateway for all of it, and a worker that has nothing."""
    vhost, issuer = await vhosts.create(), Issuer()
    worker = Worker(vhost.workers_url, issuer)
    worker.scripts = Nothing()
    await worker.start()
    urls = {"amqp_url": vhost.gateway_url, "redis_url": await redis_databases.create()}
    async with clients.running(clients.settings(**urls)) as gateway:
        yield gateway, worker, issuer
    await worker.stop()
    await vhosts.delete(vhost)


async def knock(client: Client, route: Route, token: str | None) -> Answer:
    """Say there what costs nobody anything."""
    path = route.path.format(**dict.fromkeys(route.parameters, "xyz_1"))
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    body: dict[str, Any] | None = {} if route.method in ("POST", "PUT", "PATCH") else None
    return await client.call(route.method, path, body, key="k", prefer="wait=5", headers=headers, anonymous=True)


def bad_tokens(issuer: Issuer) -> dict[str, tuple[str | None, str]]:
    """Tokens that open nothing, with the code that says so."""
    now = int(time.time())
    return {
        "none": (None, "token_invalid"),
        "expired": (issuer.token(iat=now - 900, exp=now - 1), "token_expired"),
        "forged": (Issuer(issuer.kid).token(), "token_invalid"),
        "for somebody else": (issuer.token(aud="others"), "token_invalid"),
        "of somebody else": (issuer.token(iss="others"), "token_invalid"),
        "not a person's": (issuer.token(subject="mer_1"), "token_invalid"),
    }


def test_the_table_has_every_route() -> None:
    assert list(TABLE) == [route.name for route in ROUTES], "run ./dev generate"
    assert {route.name: authorization.expected(route) for route in ROUTES} == TABLE, "run ./dev generate"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_every_cell(door: tuple[Gateway, Worker, Issuer], http: aiohttp.ClientSession, route: Route) -> None:
    gateway, worker, issuer = door
    client = Client(f"http://127.0.0.1:{gateway.port}", http, issuer)
    nobody, *others = TABLE[route.name]
    if nobody == OPEN:
        assert (await knock(client, route, None)).status not in (401, 403)
        return
    assert nobody == NOBODY
    for what, (token, code) in bad_tokens(issuer).items():
        answer = await knock(client, route, token)
        assert (answer.status, answer.code) == (401, code), what
    for role, cell in zip(PEOPLE, others, strict=True):
        worker.heard.clear()
        answer = await knock(client, route, issuer.token(roles=[role]))
        if cell == REFUSED:
            assert (answer.status, answer.code) == (403, "permission_denied"), role
            assert not worker.heard, f"{role} reached a worker"
            continue
        assert cell in (OWN, ANY, YES)
        assert answer.status not in (401, 403), (role, answer)
        assert all(envelope.caller and envelope.caller.oversees is (cell == ANY) for envelope in worker.heard), role


async def test_no_role_opens_nothing(door: tuple[Gateway, Worker, Issuer], http: aiohttp.ClientSession) -> None:
    gateway, worker, issuer = door
    client = Client(f"http://127.0.0.1:{gateway.port}", http, issuer)
    token = issuer.token(roles=["no-such-role"])
    worker.heard.clear()
    for route in (route for route in ROUTES if route.scope is not None):
        answer = await knock(client, route, token)
        assert (answer.status, answer.code) == (403, "permission_denied"), route.name
    assert not worker.heard
