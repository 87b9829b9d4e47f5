"""Every request is checked in the contract's order, and ends in a clear problem whatever was sent."""

import json
from typing import Any

import pytest

from gateway.server import Gateway
from tests.gateway.clients import Answer, Client, transfer
from tests.gateway.conftest import Join
from tests.gateway.raw import exchange
from tests.gateway.worker import Worker

POST = "/v1/transfers"


def pointers(answer: Answer) -> list[str]:
    assert answer.code == "validation_failed"
    return [error["pointer"] for error in answer.json["errors"]]


async def test_unknown_paths_and_methods(client: Client) -> None:
    for path in ("/", "/v1", "/v1/", "/v1/nothing", "/v1/wallets/", "/v1/wallets/a/b/c", "//v1/wallets", "/static/x"):
        answer = await client.get(path, anonymous=True)
        assert (answer.status, answer.code) == (404, "not_found"), path
    for method, path, allow in (
        ("PUT", "/v1/transfers", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/v1/wallets/x", "GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/v1/auth/login", "OPTIONS, POST"),
        ("POST", "/livez", "GET, HEAD, OPTIONS"),
        ("POST", "/docs", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/v1/transfers", "GET, HEAD, OPTIONS, POST"),
    ):
        answer = await client.call(method, path, anonymous=True)
        assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", allow), path


@pytest.mark.parametrize("path", ["/docs", "/asyncapi", "/livez", "/openapi.json", "/.well-known/jwks.json"])
async def test_pages_say_what_may_be_done_with_them(client: Client, path: str) -> None:
    answer = await client.call("OPTIONS", path, anonymous=True)
    assert (answer.status, answer.headers["Allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")
    assert "X-Request-Id" in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nope",
        b"{'a': 1}",
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b'{"amount": -Infinity}',
        b'{"amount": ' + b"9" * 5000 + b"}",
        b'{"amount": 01}',
        b'{"note": "\xff"}',
        b'{"note": "\xc3\x28"}',
        b'{"note": "\\ud800"}',
        b'{"note": "a\nb"}',
        b"\xef\xbb\xbf{}",
        '{"amount": 1}'.encode("utf-16"),
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"{} {}",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_what_is_not_json(client: Client, body: bytes) -> None:
    for method, path in (("POST", POST), ("PATCH", "/v1/wallets/w"), ("POST", "/v1/wallets/w/freeze")):
        answer = await client.call(method, path, body, key="k")
        assert (answer.status, answer.code) == (400, "malformed_json"), path


async def test_nothing_is_not_json_where_something_must_be_said(client: Client) -> None:
    answer = await client.post(POST, b"", key="k")
    assert (answer.status, answer.code) == (400, "malformed_json")
    assert (await client.call("PATCH", "/v1/wallets/w", b"")).code == "validation_failed"


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"true"])
async def test_what_is_not_an_object(client: Client, body: bytes) -> None:
    assert pointers(await client.post(POST, body, key="k")) == [""]
    assert pointers(await client.call("PATCH", "/v1/wallets/w", body)) == [""]


@pytest.mark.parametrize(
    "amount", [0, -1, 1.0, 1.5, "1", True, None, [], {}, 10**15 + 1, 10**30, float(10**20)], ids=repr
)
async def test_amounts(client: Client, amount: Any) -> None:
    assert pointers(await client.transfer(amount=amount)) == ["/amount"]


@pytest.mark.parametrize("written", [b"1.0", b"1e3", b"1E400", b"-0", b"0.1e1"])
async def test_amounts_as_they_are_written(client: Client, written: bytes) -> None:
    body = json.dumps(transfer(amount="X")).encode().replace(b'"X"', written)
    assert pointers(await client.post(POST, body, key="k")) == ["/amount"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"extra": 1}, ["/extra"]),
        ({"a/b~c": 1}, ["/a~1b~0c"]),
        ({"source": {"wallet_id": "a", "x": 1}}, ["/source/x"]),
        ({"source": "wal_a"}, ["/source"]),
        ({"destination": {}}, ["/destination"]),
        ({"destination": {"wallet_id": "a", "email": "a@b.example"}}, ["/destination"]),
        ({"currency": "eur"}, ["/currency"]),
        ({"currency": "XXX"}, ["/currency"]),
        ({"note": 5}, ["/note"]),
        ({"note": "a\x00b"}, ["/note"]),
        ({"note": "x" * 501}, ["/note"]),
        ({"metadata": {"k": 1}}, ["/metadata/k"]),
        ({"metadata": {"bad key": "v"}}, ["/metadata/bad key"]),
        ({"metadata": {str(n): "v" for n in range(21)}}, ["/metadata"]),
        ({"source": {"wallet_id": "a b"}, "amount": "x"}, ["/source/wallet_id", "/amount"]),
    ],
    ids=repr,
)
async def test_fields(client: Client, changes: dict[str, Any], expected: list[str]) -> None:
    assert pointers(await client.transfer(**changes)) == expected


async def test_names_that_occur_twice(client: Client) -> None:
    body = json.dumps(transfer()).encode()
    for twice in (body[:-1] + b', "amount": 1}', body.replace(b'"wal_a"', b'"wal_a", "wallet_id": "wal_c"')):
        assert pointers(await client.post(POST, twice, key="k")) == [""]


async def test_values_are_not_echoed(client: Client) -> None:
    secret = "hunter2hunter2"
    for body in (
        {"email": secret, "password": secret, "first_name": [secret], "last_name": {"x": secret}},
        {"email": "a@b.example", "password": [secret], "first_name": "A", "last_name": "B", "role": secret},
    ):
        answer = await client.post("/v1/auth/register", body, anonymous=True)
        assert answer.status == 422
        assert secret.encode() not in answer.body


async def test_path_parameters_are_not_said_in_the_body(client: Client, worker: Worker) -> None:
    answer = await client.call("PATCH", "/v1/wallets/wal_1", {"label": "x", "wallet_id": "wal_2"})
    assert pointers(answer) == ["/wallet_id"]
    assert pointers(await client.get("/v1/wallets/wal_1/movements?wallet_id=wal_2")) == ["/wallet_id"]
    assert pointers(await client.get("/v1/wallets/wal_1?wallet_id=wal_1")) == ["/wallet_id"]
    assert not worker.of("ledger.RenameWallet")


@pytest.mark.parametrize("body", [None, {}], ids=["none", "empty"])
async def test_a_command_without_fields_needs_no_body(client: Client, worker: Worker, body: Any) -> None:
    worker.on("ledger.FreezeWallet", {"id": "wal_1"})
    answer = await client.post("/v1/wallets/wal_1/freeze", body)
    assert answer.status == 200
    assert worker.of("ledger.FreezeWallet")[-1].body == {"wallet_id": "wal_1"}


@pytest.mark.parametrize("name", ["%00", "a%20b", "%F0%9F%92%A9", "a" * 100, "..", "a.b", "%ff", "a%2Fb"])
async def test_ids_that_none_of_ours_could_be(client: Client, name: str) -> None:
    answer = await client.get(f"/v1/wallets/{name}")
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("x=1", ["/x"]),
        ("limit=0", ["/limit"]),
        ("limit=101", ["/limit"]),
        ("limit=", ["/limit"]),
        ("after=", ["/after"]),
        ("x=", ["/x"]),
        ("status=&status=", [""]),
        ("limit=5.0", ["/limit"]),
        ("limit=1_0", ["/limit"]),
        ("limit=%2B5", ["/limit"]),
        ("limit=1&limit=2", [""]),
        ("status=no", ["/status"]),
        ("after=%00", ["/after"]),
        ("created_from=2026-01-01", ["/created_from"]),
        ("created_from=1700000000", ["/created_from"]),
        ("created_from=2026-01-01T00:00:00", ["/created_from"]),
        ("created_from=2026-13-01T00:00:00Z", ["/created_from"]),
        ("created_from=%ff", [""]),
        ("&".join(f"x{n}=1" for n in range(60)), [""]),
    ],
)
async def test_query_strings(client: Client, query: str, expected: list[str]) -> None:
    assert pointers(await client.get(f"/v1/transfers?{query}")) == expected


async def test_query_strings_become_questions(client: Client, worker: Worker) -> None:
    page = {"data": [], "has_more": False, "next": None}
    worker.on("transfers.ListTransfers", page)
    answer = await client.get("/v1/transfers?limit=5&status=failed&created_from=2026-01-01T00:00:00%2B01:00")
    assert (answer.status, answer.json) == (200, page)
    body = worker.of("transfers.ListTransfers")[0].body
    assert isinstance(body, dict)
    assert (body["limit"], body["status"]) == (5, "failed")


async def test_an_empty_filter_is_none(gateway: Gateway, join: Join, worker: Worker) -> None:
    operator, page = join(gateway, roles=["operator"]), {"data": [], "has_more": False, "next": None}
    for path, message in (
        ("/v1/users?search=&status=", "identity.ListUsers"),
        ("/v1/audit?actor=&action=&object=", "operations.ListAudit"),
        ("/v1/ops/sagas?status=&stuck=&created_from=", "operations.ListSagas"),
    ):
        worker.on(message, page)
        assert (await operator.get(path)).json == page
        body = worker.of(message)[0].body
        assert {value for name, value in body.items() if name != "limit"} == {None}


async def test_commands_take_no_query_string(client: Client) -> None:
    assert pointers(await client.post("/v1/wallets?x=1", {"currency": "EUR"})) == ["/x"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ('APPLICATION/JSON;charset="UTF-8"', 202),
        ("application/json; v=1;", 202),
        ("application/json; charset=latin-1", 415),
        ("application/json; charset=utf-8; charset=latin-1", 415),
        ("application/jsonx", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
async def test_content_types(client: Client, content_type: str, status: int) -> None:
    answer = await client.post(POST, transfer(), key=content_type or "k", headers={"Content-Type": content_type})
    assert answer.status == status


async def test_content_encodings(client: Client) -> None:
    for encoding, status in (("gzip", 415), ("identity", 202)):
        answer = await client.post(POST, transfer(), key=encoding, headers={"Content-Encoding": encoding})
        assert answer.status == status


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("k", 202),
        ("x" * 255, 202),
        ('"' + "x" * 255 + '"', 202),
        ("a b", 202),
        ('a"b', 202),
        ("x" * 256, 400),
        ('"' + "x" * 256 + '"', 400),
        ('""', 400),
        ("", 400),
        ('"abc', 400),
        ('"a"b"', 400),
        ("ключ", 400),
        ("a\tb", 400),
    ],
)
async def test_idempotency_keys(client: Client, key: str, status: int) -> None:
    answer = await client.post(POST, transfer(), key=key)
    assert answer.status == status
    if status == 400:
        assert answer.code == "idempotency_key_invalid"


async def test_white_space_around_a_value_is_no_part_of_it(client: Client) -> None:
    token = {"Authorization": f"Bearer {client.token} \t", "X-Request-Id": " mine "}
    bare = await client.transfer("abc")
    answer = await client.post(POST, transfer(), key=" abc ", headers=token)
    assert (answer.json["id"], answer.headers["X-Request-Id"]) == (bare.json["id"], "mine")


async def test_a_quoted_key_is_the_same_key(client: Client) -> None:
    bare, quoted = await client.transfer("abc"), await client.transfer('"abc"')
    assert (quoted.json["id"], quoted.headers["Idempotency-Replayed"]) == (bare.json["id"], "true")
    escaped, plain = await client.transfer('"a\\"b"'), await client.transfer('a"b')
    assert escaped.json["id"] == plain.json["id"]


async def test_large_bodies(client: Client) -> None:
    answer = await client.post(POST, b" " * 65_537, key="k")
    assert (answer.status, answer.code) == (413, "body_too_large")
    padded = json.dumps(transfer()).encode().ljust(65_536)
    assert (await client.post(POST, padded, key="k")).status == 202
    answer = await client.post(POST, b" " * 1_000_000, key="k")
    assert (answer.status, answer.code) == (413, "body_too_large")


async def test_large_bodies_in_chunks(client: Client, gateway: Gateway) -> None:
    head = (
        f"POST {POST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\nIdempotency-Key: k\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    answer = await exchange(gateway.port, head.encode(), *[chunk] * 40)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    body = json.dumps(transfer()).encode()
    good = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert (await exchange(gateway.port, head.encode(), good)).startswith(b"HTTP/1.1 202 ")


async def test_an_endless_body_is_not_read_for_ever(gateway: Gateway) -> None:
    head = f"POST {POST} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = await exchange(gateway.port, head.encode(), *[chunk] * 500)
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "nonsense", [b"hello\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nA B: c\r\n\r\n"]
)
async def test_what_is_not_http(gateway: Gateway, nonsense: bytes) -> None:
    answer = await exchange(gateway.port, nonsense)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


async def test_nonsense_after_a_request(gateway: Gateway, client: Client) -> None:
    answer = await exchange(gateway.port, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 400 ") == 1
    slow = f"POST {POST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\nIdempotency-Key: k\r\n"
    body = json.dumps(transfer())
    slow += f"Prefer: wait=1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    answer = await exchange(gateway.port, slow.encode() + b"nonsense\r\n\r\n")
    assert b"connection: close" in answer
    assert (answer.count(b"HTTP/1.1 "), answer[:13]) == (1, b"HTTP/1.1 202 ")


async def test_a_body_that_breaks_off(gateway: Gateway, client: Client) -> None:
    head = (
        f"POST {POST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\nIdempotency-Key: k\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert (await exchange(gateway.port, head.encode(), b"zz\r\n")).startswith(b"HTTP/1.1 400 ")
    assert (await exchange(gateway.port, head.encode() + b"zz\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    requests = b"".join(b"GET /v1/%d HTTP/1.1\r\nHost: x\r\nX-Request-Id: r%d\r\n\r\n" % (n, n) for n in range(5))
    answer = await exchange(gateway.port, requests + b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert [answer.index(b"x-request-id: r%d" % n) for n in range(5)] == sorted(
        answer.index(b"x-request-id: r%d" % n) for n in range(5)
    )
    assert answer.count(b"HTTP/1.1 404 ") == 5
    assert answer.count(b"HTTP/1.1 200 ") == 1


async def test_head_and_options(client: Client, worker: Worker) -> None:
    worker.on("ledger.GetWallet", {"id": "wal_1"})
    full, head = await client.get("/v1/wallets/wal_1"), await client.call("HEAD", "/v1/wallets/wal_1")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == full.headers["Content-Length"]
    options = await client.call("OPTIONS", "/v1/wallets/wal_1", anonymous=True)
    assert (options.status, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, PATCH")
    assert (await client.call("OPTIONS", "/v1/nothing", anonymous=True)).status == 404


async def test_what_every_response_carries(client: Client) -> None:
    for path in ("/v1/transfers", "/livez", "/nothing", "/docs", "/openapi.json"):
        answer = await client.get(path, anonymous=True, headers={"X-Request-Id": "my-id.1"})
        assert answer.headers["X-Request-Id"] == "my-id.1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Server" not in answer.headers
    for unusable in ("a b", "x" * 129, "a,b", "{}"):
        answer = await client.get("/livez", headers={"X-Request-Id": unusable})
        assert answer.headers["X-Request-Id"].startswith("req_")


async def test_a_bug_is_a_500_that_tells_nothing(client: Client, gateway: Gateway, monkeypatch: Any) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(gateway.instance.ids, "derive", broken)
    answer = await client.transfer()
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.body
