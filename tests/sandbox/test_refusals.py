"""Bad requests get a clear problem and change nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sandbox.conftest import KEY, Post, Provider, running

GOOD = {"reference": "top_1", "method": "card", "amount": 100, "currency": "IDR"}


@pytest.fixture(scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Provider]:
    """One sandbox for the whole file: nothing here is meant to change it."""
    async with running(tmp_path_factory.mktemp("refusals") / "sandbox.sqlite3") as started:
        yield started


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        *(({"amount": amount}, "/amount") for amount in (0, -1, 10**15 + 1, 1.0, 1e3, "100", True, None)),
        *(({"currency": currency}, "/currency") for currency in ("idr", "ID", "IDRX", "IDR\n", 3)),
        *(({"reference": reference}, "/reference") for reference in ("", "a b", "a\x00", "x" * 129, 1)),
        ({"method": "Bank Transfer"}, "/method"),
        ({"card_number": "4111111111111111"}, "/card_number"),
    ],
)
async def test_a_wrong_field_is_named(provider: Provider, post: Post, change: dict[str, object], pointer: str) -> None:
    status, problem = await post(json.dumps(GOOD | change).encode())
    assert (status, problem["code"]) == (422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]  # type: ignore[attr-defined]
    assert "4111111111111111" not in json.dumps(problem)
    assert (await provider.charges(reference="top_1"))["data"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"reference": "\\ud800"}', b"[" * 5000])
async def test_malformed_json(post: Post, body: bytes) -> None:
    status, problem = await post(body)
    assert (status, problem["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b'{"amount": NaN}'])
async def test_json_that_is_no_charge(post: Post, body: bytes) -> None:
    assert (await post(body))[0] == 422


async def test_a_refused_request_does_not_use_its_key_up(provider: Provider, post: Post) -> None:
    await post(json.dumps(GOOD | {"amount": 0}).encode())
    assert (await provider.charge("k", reference="top_2"))[0] == 201


@pytest.mark.parametrize("authorization", ["", "Bearer", f"Basic {KEY}", "Bearer wrong", f"Bearer {KEY}x", "Bearer é"])
async def test_a_wrong_provider_key(provider: Provider, authorization: str) -> None:
    calls = [("POST", "/v1/charges"), ("GET", "/v1/charges"), ("GET", "/v1/charges/chg_1")]
    for method, path in calls:
        headers = {"Authorization": authorization}
        async with provider.http.request(method, path, headers=headers) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert (await answer.json(content_type=None))["code"] == "provider_key_invalid"


async def test_a_missing_idempotency_key(provider: Provider) -> None:
    async with provider.http.post("/v1/charges", json=GOOD) as answer:
        assert answer.status == 400
        assert (await answer.json(content_type=None))["code"] == "idempotency_key_missing"


@pytest.mark.parametrize("key", ['""', "x" * 256, "é", "a\tb"])
async def test_an_invalid_idempotency_key(post: Post, key: str) -> None:
    status, problem = await post(json.dumps(GOOD).encode(), Idempotency_Key=key)
    assert (status, problem["code"]) == (400, "idempotency_key_invalid")


async def test_the_longest_idempotency_key(provider: Provider) -> None:
    assert (await provider.charge("x" * 255, reference="top_2"))[0] == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/jsonp", "application/x-www-form-urlencoded"])
async def test_another_media_type(post: Post, media_type: str) -> None:
    assert (await post(json.dumps(GOOD).encode(), Content_Type=media_type))[0] == 415


async def test_a_body_that_is_too_large(provider: Provider, post: Post) -> None:
    assert (await post(b" " * 20_000))[0] == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1000

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    async with provider.http.post("/v1/charges", data=endless(), headers=headers) as answer:
        assert answer.status == 413


async def test_a_body_that_never_ends(store_path: Path) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    async with (
        running(store_path, body_timeout_seconds=0.2) as provider,
        provider.http.post("/v1/charges", data=stuck(), headers=headers) as answer,
    ):
        assert answer.status == 408


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=1", "reference=", "colour=red"])
async def test_a_wrong_query(provider: Provider, query: str) -> None:
    async with provider.http.get(f"/v1/charges?{query}") as answer:
        assert answer.status == 422


async def test_unknown_things_are_problems_too(provider: Provider) -> None:
    calls = [
        ("GET", "/v1/charges/chg_x", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/charges/chg_x", 405),
    ]
    for method, path, status in calls:
        async with provider.http.request(method, path) as answer:
            assert answer.status == status
            assert answer.content_type == "application/problem+json"
            problem = await answer.json(content_type=None)
            assert problem["instance"] == path
            assert problem["status"] == status
