"""Every route with what no client should send: a clear problem, nothing changed, never our fault."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from contracts.identity import ROLES
from gateway.edge import Route
from gateway.routes import ROUTES
from tests.people import Answer, Json, Person, key, order, payout
from tests.system import System

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PATHS = sorted({route.path for route in ROUTES})
# What only operators may say is refused to Ani before it is read, and a callback is read by who verifies it.
HERS = [route for route in ROUTES if route.scope in (None, *ROLES["customer"]) and not route.raw]
SAYING = [route for route in HERS if route.kind != "query" and route.body_fields]
NEEDING = [route for route in SAYING if any(route.said.model_fields[name].is_required() for name in route.body_fields)]
BARE = [route for route in HERS if route.kind != "query" and not route.body_fields]
LISTS = [
    "/v1/cards",
    "/v1/wallets",
    "/v1/topups",
    "/v1/transfers",
    "/v1/withdrawals",
    "/v1/payments",
    "/v1/wallets/{wallet_id}/movements",
]
LIMIT_BYTES = 65_536
CHANGES = ("freeze", "unfreeze", "cancel", "archive", "restore")
NOT_JSON = [b"{", b"[1,", b"nul", b"{'a': 1}", b'{"a": 1,}', b'{"a": NaN}', b"\xff\xfe{}", b'{"a": "\xff"}', b"{} {}"]
NOT_OBJECTS = [b"[]", b"null", b"1", b'"text"', b"true", b'[{"currency": "IDR"}]']
WRONG: list[Json] = [None, 1.5, True, "", "\0", "x" * 70, [], {}, {"a": []}, -(2**70)]
# What of it is right for some.
RIGHT: dict[str, list[Json]] = {
    "label": [None, "x" * 70],
    "note": [None, "", "x" * 70],
    "metadata": [{}],
    "first_name": ["x" * 70],
    "last_name": ["x" * 70],
    "password": ["\0", "x" * 70],
    "limits": [None, {}],
    "reason": [None, "x" * 70],
    "wallet_id": [None],
    "reference": [None, "x" * 70],
    "description": [None, "", "x" * 70],
    "final": [True],
    "name": ["x" * 70],
    "current_password": ["\0", "x" * 70],
    "new_password": ["x" * 70],
    "refresh_token": ["\0", "x" * 70],
    "token": ["\0", "x" * 70],
    "code": ["\0"],
}
# Where null says that nothing changes.
NULLABLE = ("PATCH /v1/users/{user_id}", "PATCH /v1/merchants/{merchant_id}")


@pytest.fixture(scope="session")
def system(together: System) -> System:
    """What is not understood gets no further than the edge: one arrangement will do."""
    return together


@pytest.fixture(scope="module")
async def ani(together: System, http: aiohttp.ClientSession) -> Person:
    """Who sends it all, with a wallet."""
    person = await Person(http, together.gateways).join()
    person.user |= {"wallet_id": await person.open(funds=1_000)}
    return person


@pytest.fixture(autouse=True)
async def nothing_changes(ani: Person) -> AsyncIterator[None]:
    """Whatever is sent here, Ani has afterwards what she had before."""
    names = ("wallets", "topups", "transfers", "withdrawals", "cards")
    before = [await ani.listed(f"/v1/{name}") for name in names]
    yield
    assert [await ani.listed(f"/v1/{name}") for name in names] == before


def _path(ani: Person, path: str) -> str:
    return re.sub(r"\{[a-z_]+\}", ani.user["wallet_id"], path)


def _good(ani: Person, route: Route) -> dict[str, Json]:
    wallet = ani.user["wallet_id"]
    topup = {"wallet_id": wallet, "amount": 5, "currency": "IDR", "method": "bca_virtual_account", "metadata": {}}
    bodies: dict[str, dict[str, Json]] = {
        "POST /v1/auth/register": {
            "email": "rubbish@example.com", "password": "long enough for all", "first_name": "A", "last_name": "B",
        },
        "POST /v1/auth/login": {"email": "rubbish@example.com", "password": "x"},
        "POST /v1/auth/refresh": {"refresh_token": "rt_x"},
        "POST /v1/auth/password": {"current_password": "x", "new_password": "long enough for all"},
        "POST /v1/auth/password/forgot": {"email": "rubbish@example.com"},
        "POST /v1/auth/password/reset": {"token": "x", "new_password": "long enough for all"},
        "POST /v1/auth/totp/confirm": {"code": "123456"},
        "DELETE /v1/auth/totp": {"password": "x"},
        "PATCH /v1/users/{user_id}": {"email": "rubbish@example.com", "first_name": "A", "version": 1},
        "POST /v1/merchants": {"name": "x", "currency": "IDR"},
        "PATCH /v1/merchants/{merchant_id}": {"name": "x"},
        **{f"POST /v1/merchants/{{merchant_id}}/{change}": {"reason": "x"} for change in ("archive", "restore")},
        "POST /v1/merchants/{merchant_id}/api-keys": {"name": "x", "scopes": ["merchants:read"]},
        "POST /v1/merchants/{merchant_id}/api-keys/{key_id}/rotate": {"overlap_seconds": 0},
        "POST /v1/wallets": {"currency": "IDR", "label": "x"},
        "PATCH /v1/wallets/{wallet_id}": {"label": "x"},
        "POST /v1/cards": {"wallet_id": wallet, "brand": "visa", "type": "debit", "label": "x", "limits": {}},
        "PATCH /v1/cards/{card_id}": {"label": "x", "limits": {}},
        **{f"POST /v1/cards/{{card_id}}/{change}": {"reason": "x"} for change in CHANGES},
        "POST /v1/topups": topup,
        "POST /v1/withdrawals": payout(wallet, 10_000) | {"metadata": {}},
        "POST /v1/transfers": order(wallet, "wal_other", 5) | {"note": "x", "metadata": {}},
        "POST /v1/payments": {
            "card": {"id": "crd_x"}, "amount": 5, "currency": "IDR", "capture": "manual", "reference": "x",
            "description": "x", "metadata": {},
        },
        "POST /v1/payments/{payment_id}/capture": {"final": True},
        "POST /v1/payments/{payment_id}/refunds": {"reason": "x"},
    }  # fmt: skip
    return bodies[route.name]


async def _say(ani: Person, route: Route, body: Any, **options: Any) -> Answer:
    return await ani.call(route.method, _path(ani, route.path), body, **{"key": key(), "prefer": "wait=2", **options})


@pytest.mark.parametrize("route", SAYING, ids=lambda route: route.name)
async def test_what_is_not_json_is_malformed(ani: Person, route: Route) -> None:
    for body in NOT_JSON:
        refused = await _say(ani, route, body)
        assert (refused.status, refused.code) == (400, "malformed_json"), body
    for depth in (100, 30_000):
        refused = await _say(ani, route, b"[" * depth + b"]" * depth)
        assert refused.status in (400, 422)


@pytest.mark.parametrize("route", SAYING, ids=lambda route: route.name)
async def test_json_that_is_no_object_is_invalid(ani: Person, route: Route) -> None:
    for body in NOT_OBJECTS:
        refused = await _say(ani, route, body)
        assert (refused.status, refused.code) == (422, "validation_failed"), body


@pytest.mark.parametrize("route", NEEDING, ids=lambda route: route.name)
async def test_no_body_at_all_is_no_command(ani: Person, route: Route) -> None:
    refused = await _say(ani, route, None)
    assert refused.status in (400, 422)
    refused = await _say(ani, route, b"")
    assert refused.status in (400, 415, 422)


@pytest.mark.parametrize("route", SAYING, ids=lambda route: route.name)
async def test_each_field_of_a_wrong_type_is_named(ani: Person, route: Route) -> None:
    good = _good(ani, route)
    for name in good:
        right = [*RIGHT.get(name, []), *([None] if route.name in NULLABLE else [])]
        for wrong in (value for value in WRONG if value not in right):
            refused = await _say(ani, route, good | {name: wrong})
            assert (refused.status, refused.code) == (422, "validation_failed"), (name, wrong)
            pointers = [error["pointer"] for error in refused.json["errors"]]
            assert all(pointer == f"/{name}" or pointer.startswith(f"/{name}/") for pointer in pointers), (name, wrong)


@pytest.mark.parametrize("route", NEEDING, ids=lambda route: route.name)
async def test_unknown_and_missing_fields_are_named(ani: Person, route: Route) -> None:
    good = _good(ani, route)
    refused = await _say(ani, route, good | {"colour": "red"})
    assert [error["pointer"] for error in refused.json["errors"]] == ["/colour"]
    required = [name for name in good if route.said.model_fields[name].is_required()]
    for name in required:
        refused = await _say(ani, route, {other: value for other, value in good.items() if other != name})
        assert (refused.status, [error["pointer"] for error in refused.json["errors"]]) == (422, [f"/{name}"])
    assert required


@pytest.mark.parametrize("route", SAYING, ids=lambda route: route.name)
async def test_a_name_given_twice_is_refused(ani: Person, route: Route) -> None:
    name, value = next(iter(_good(ani, route).items()))
    twice = json.dumps(_good(ani, route))[:-1] + f', "{name}": {json.dumps(value)}}}'
    assert (await _say(ani, route, twice.encode())).status in (400, 422)


@pytest.mark.parametrize("route", SAYING, ids=lambda route: route.name)
async def test_only_json_is_read(ani: Person, route: Route) -> None:
    body = json.dumps(_good(ani, route)).encode()
    for kind in (
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
    ):
        refused = await _say(ani, route, body, headers={"Content-Type": kind})
        assert (refused.status, refused.code) == (415, "unsupported_media_type"), kind
    refused = await _say(ani, route, body, headers={"Content-Encoding": "gzip"})
    assert (refused.status, refused.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("route", [*SAYING, *BARE], ids=lambda route: route.name)
async def test_a_huge_body_is_too_large(ani: Person, route: Route) -> None:
    for size in (LIMIT_BYTES + 1, 1_000_000):
        refused = await _say(ani, route, b'{"note": "' + b"x" * size + b'"}')
        assert (refused.status, refused.code) == (413, "body_too_large"), size


async def test_a_huge_body_in_pieces_is_too_large(ani: Person) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000

    headers = {"Authorization": f"Bearer {ani.token}", "Content-Type": "application/json", "Idempotency-Key": key()}
    async with ani.http.post(f"{ani.gateways[0]}/v1/transfers", data=pieces(), headers=headers) as response:
        answer = Answer(response.status, response.headers, await response.read())
    answer.check()
    assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize("route", BARE, ids=lambda route: route.name)
async def test_what_needs_no_body_takes_none(ani: Person, route: Route) -> None:
    for body, status in ((b'{"status": "active"}', 422), (b"{", 400), (b"[]", 422)):
        assert (await _say(ani, route, body)).status == status, body


@pytest.mark.parametrize("path", PATHS)
async def test_a_wrong_method_is_told_the_right_ones(ani: Person, path: str) -> None:
    right = {route.method for route in ROUTES if route.path == path}
    for method in set(METHODS) - right:
        refused = await ani.call(method, _path(ani, path), {})
        assert (refused.status, refused.code) == (405, "method_not_allowed")
        assert right <= {name.strip() for name in refused.headers["Allow"].split(",")}


async def test_a_method_that_nobody_knows_is_a_problem(ani: Person) -> None:
    assert (await ani.call("BREW", "/v1/wallets")).status in (400, 405, 501)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v2/wallets", "/v1/wallets/", "/v1/wallets/a/b/c", "/V1/wallets", "/%00"]
)
async def test_a_path_that_leads_nowhere_is_not_found(ani: Person, path: str) -> None:
    for method in ("GET", "POST"):
        refused = await ani.call(method, path)
        assert (refused.status, refused.code) == (404, "not_found")


@pytest.mark.parametrize(
    "name", ["%00", "..%2F..", "a%20b", "%27%20OR%201=1", "x" * 65, "x" * 5_000, "wal_%C3%A9", "%FF"]
)
async def test_an_id_that_cannot_be_one_is_not_found(ani: Person, name: str) -> None:
    for route in HERS:
        if route.parameters:
            body = _good(ani, route) if route in SAYING else None
            refused = await ani.call(route.method, re.sub(r"\{[a-z_]+\}", name, route.path), body, key=key())
            assert (refused.status, refused.code) == (404, "not_found"), route.name


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=1e1",
        "limit=",
        "after=%FF",
        "after=AAAA",
        "after=",
        "created_from=1",
        "created_to=x",
        "created_from=2026-01-01",
        "created_to=99999-01-01T00:00:00Z",
        "x=1",
        "limit=5&limit=6",
        "%00=1",
        "=",
        "&".join(["x=1"] * 500),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(ani: Person, path: str, query: str) -> None:
    refused = await ani.get(f"{_path(ani, path)}?{query}")
    assert refused.status == 422, refused


@pytest.mark.parametrize("route", [*SAYING, *BARE], ids=lambda route: route.name)
async def test_a_command_takes_no_query(ani: Person, route: Route) -> None:
    body = _good(ani, route) if route in SAYING else None
    refused = await ani.call(route.method, f"{_path(ani, route.path)}?amount=5", body, key=key())
    assert (refused.status, refused.code) == (422, "validation_failed")


async def test_headers_without_end_are_refused(ani: Person) -> None:
    status = await _raw(ani, b"GET /v1/wallets HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n")
    assert status == 431


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"GET /v1/wallets HTTP/9.9\r\n\r\n",
        b"POST /v1/wallets HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/wallets HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/wallets HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["TLS", "no path", "HTTP 9.9", "length of x", "two lengths", "bad chunk"],
)
async def test_what_is_not_http_is_no_request(ani: Person, request_bytes: bytes) -> None:
    assert await _raw(ani, request_bytes) in (None, 400, 401, 501, 505)


async def test_a_client_that_leaves_takes_nothing_with_it(ani: Person) -> None:
    place = urlsplit(ani.gateways[0])
    for _ in range(20):
        with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
            head = f"POST /v1/transfers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ani.token}\r\n"
            head += "Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 500\r\n\r\n{"
            connection.sendall(head.encode())
    assert (await ani.get("/v1/auth/me")).status == 200


async def _raw(ani: Person, request: bytes) -> int | None:
    """The status of the answer to these bytes, or None where the connection is just closed."""
    place = urlsplit(ani.gateways[0])
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(request)
        line = await asyncio.wait_for(reader.readline(), 20)
    except ConnectionError:
        return None
    finally:
        writer.close()
    return int(line.split()[1]) if line else None
