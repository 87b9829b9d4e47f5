"""The committed table of who may do what, walked at a running gateway: every route, as everybody."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from contracts import ids
from contracts.envelope import Envelope
from contracts.identity import GetAccess, GetSigningKeys
from contracts.message import NotFound
from gateway.edge import Route
from gateway.routes import ROUTES
from ops import authorization
from ops.authorization import ANY, NOBODY, OPEN, OWN, PEOPLE, REFUSED, YES
from ops.generate import AUTHORIZATION
from ops.local.home import PROJECT
from tests.gateway.clients import Answer, Client
from tests.gateway.tokens import Issuer
from tests.gateway.worker import Script, Worker


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
BY_ITSELF = {message.wire_name for message in (GetAccess, GetSigningKeys)}


@pytest.fixture
def worker(worker: Worker) -> Iterator[Worker]:
    """A worker that has nothing."""
    scripts, worker.scripts = worker.scripts, Nothing()
    yield worker
    worker.scripts = scripts


async def knock(client: Client, route: Route, token: str | None) -> Answer:
    """Say there what costs nobody anything."""
    path = route.path.format(**dict.fromkeys(route.parameters, "xyz_1"))
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    body: dict[str, Any] | None = {} if route.method in ("POST", "PUT", "PATCH") else None
    return await client.call(route.method, path, body, key="k", prefer="wait=5", headers=headers, anonymous=True)


def heard(worker: Worker, principal: str) -> list[Envelope]:
    """What came of a request of theirs, or of nobody's but for what a gateway asks by itself."""
    theirs = [one for one in worker.heard if one.caller and one.caller.principal == principal]
    return theirs + [one for one in worker.heard if not one.caller and one.type not in BY_ITSELF]


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
async def test_every_cell(client: Client, worker: Worker, issuer: Issuer, route: Route) -> None:
    nobody, *others = TABLE[route.name]
    if nobody == OPEN:
        assert (await knock(client, route, None)).status not in (401, 403)
        return
    assert nobody == NOBODY
    for what, (token, code) in bad_tokens(issuer).items():
        answer = await knock(client, route, token)
        assert (answer.status, answer.code) == (401, code), what
    for role, cell in zip(PEOPLE, others, strict=True):
        who = ids.new("usr")
        answer = await knock(client, route, issuer.token(who, roles=[role]))
        if cell == REFUSED:
            assert (answer.status, answer.code) == (403, "permission_denied"), role
            assert not heard(worker, who), f"{role} reached a worker"
            continue
        assert cell in (OWN, ANY, YES)
        assert answer.status not in (401, 403), (role, answer)
        assert all(one.caller and one.caller.oversees is (cell == ANY) for one in heard(worker, who)), role


async def test_no_role_opens_nothing(client: Client, worker: Worker, issuer: Issuer) -> None:
    who = ids.new("usr")
    token = issuer.token(who, roles=["no-such-role"])
    for route in (route for route in ROUTES if route.scope is not None):
        answer = await knock(client, route, token)
        assert (answer.status, answer.code) == (403, "permission_denied"), route.name
    assert not heard(worker, who)
