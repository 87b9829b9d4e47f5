"""The provider port against a server that answers anything: clear, or `Unclear`."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from workers.provider.breaker import Breaker
from workers.provider.port import NotAsked, Order, Unclear, Word
from workers.provider.sandbox import SandboxProvider, Settings

KEY = "provider-test-key"
CHARGE = Order("charge", "top_1", "gopay", 50_000, "IDR")
ASKED = {"reference": "top_1", "method": "gopay", "amount": 50_000, "currency": "IDR"}
CHARGED = {"id": "chg_1", "status": "succeeded"} | ASKED


def reaching(http: aiohttp.ClientSession, url: str, *, retries: int = 0, failures: int = 1000) -> SandboxProvider:
    settings = Settings(
        url=url,
        key=SecretStr(KEY),
        callback_secret=SecretStr("callback-secret"),
        timeout_seconds=1,
        retries=retries,
        retry_seconds=0.01,
    )
    return SandboxProvider(http, settings, Breaker(failures, 60))


Script = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Elsewhere:
    """A provider that does as it is told, and remembers what it was asked."""

    script: Script | None = None
    asked: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    provider: SandboxProvider = field(init=False)
    http: aiohttp.ClientSession = field(init=False)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = request.headers
        self.asked.append((headers["Authorization"], headers["Idempotency-Key"], await request.json()))
        assert self.script is not None
        return await self.script(request)

    def says(self, body: object, status: int = 201) -> None:
        async def script(_: web.Request) -> web.StreamResponse:
            text = body if isinstance(body, str) else json.dumps(body)
            return web.Response(text=text, status=status, content_type="application/json")

        self.script = script

    async def charge(self) -> Word:
        return await self.provider.charge(CHARGE, key="top_1")


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    told = Elsewhere()
    application = web.Application()
    application.router.add_post("/v1/charges", told.answer)
    async with TestServer(application) as server, aiohttp.ClientSession() as http:
        told.http, told.url = http, str(server.make_url("/"))
        told.provider = reaching(http, told.url)
        yield told


@pytest.mark.parametrize("status", [200, 201])
async def test_a_charge_that_was_made_has_the_providers_name(elsewhere: Elsewhere, status: int) -> None:
    elsewhere.says(CHARGED | {"created_at": "2026-11-22T12:00:00Z"}, status)
    assert await elsewhere.charge() == Word("charge", "top_1", "chg_1", "succeeded", 50_000, "IDR", 1)
    assert elsewhere.asked == [(f"Bearer {KEY}", "top_1", ASKED)]


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("insufficient_funds", "The payment provider declined: not enough money there."),
        ("<b>our words, not theirs</b>", "The payment provider declined."),
        (None, "The payment provider declined."),
    ],
)
async def test_a_decline_is_told_in_our_own_words(elsewhere: Elsewhere, code: str | None, detail: str) -> None:
    elsewhere.says(CHARGED | {"status": "declined", "decline_code": code})
    assert (await elsewhere.charge()).reason == detail


@pytest.mark.parametrize("status", [202, 204, 302, 400, 401, 404, 409, 422, 429, 500, 503])
async def test_any_other_status_is_unclear(elsewhere: Elsewhere, status: int) -> None:
    elsewhere.says(CHARGED, status)
    with pytest.raises(Unclear, match=str(status)):
        await elsewhere.charge()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "garbage",
        "[]",
        "{}",
        CHARGED | {"status": "perhaps"},
        CHARGED | {"id": ""},
        CHARGED | {"id": None},
        CHARGED | {"amount": 0},
        CHARGED | {"amount": "50000"},
        CHARGED | {"currency": "USD"},
        CHARGED | {"reference": "top_2"},
        CHARGED | {"method": "ovo"},
        json.dumps(CHARGED)[:-1],
        json.dumps(CHARGED) + " " * 270_000,
    ],
)
async def test_an_answer_that_is_not_about_this_charge_is_unclear(elsewhere: Elsewhere, body: object) -> None:
    elsewhere.says(body)
    with pytest.raises(Unclear):
        await elsewhere.charge()


async def _silence(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(2)
    return web.Response()


async def _trickle(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(20):
        await response.write(b" ")
        await asyncio.sleep(0.1)
    return response


async def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("script", [_silence, _trickle, _reset])
async def test_no_answer_is_unclear(elsewhere: Elsewhere, script: Script) -> None:
    elsewhere.script = script
    with pytest.raises(Unclear, match="no answer"):
        await elsewhere.charge()


async def test_a_redirect_is_not_followed(elsewhere: Elsewhere) -> None:
    """The key is for the provider that the settings name, and for nobody it names."""

    async def script(_: web.Request) -> web.StreamResponse:
        elsewhere.says(CHARGED)
        raise web.HTTPTemporaryRedirect("/v1/charges")

    elsewhere.script = script
    with pytest.raises(Unclear, match="307"):
        await elsewhere.charge()
    assert len(elsewhere.asked) == 1


async def test_nobody_there_is_unclear_and_nothing_tells_the_key(elsewhere: Elsewhere) -> None:
    async with aiohttp.ClientSession() as http:
        nobody = reaching(http, "http://127.0.0.1:1")
        with pytest.raises(NotAsked) as caught:
            await nobody.charge(CHARGE, key="k")
    elsewhere.says("garbage", 401)
    with pytest.raises(Unclear) as refused:
        await elsewhere.charge()
    for error in (caught.value, refused.value):
        assert KEY not in repr(error)
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
    assert KEY not in repr(nobody)


async def test_what_fails_at_once_is_asked_again_a_few_times_under_the_same_key(elsewhere: Elsewhere) -> None:
    provider = reaching(elsewhere.http, elsewhere.url, retries=2)
    elsewhere.says("", 500)
    with pytest.raises(Unclear, match="500"):
        await provider.charge(CHARGE, key="top_1")
    assert [key for _, key, _ in elsewhere.asked] == ["top_1"] * 3


async def test_silence_is_not_asked_again_at_once(elsewhere: Elsewhere) -> None:
    elsewhere.script = _silence
    with pytest.raises(Unclear, match="no answer"):
        await reaching(elsewhere.http, elsewhere.url, retries=2).charge(CHARGE, key="top_1")
    assert len(elsewhere.asked) == 1


async def test_a_provider_that_keeps_failing_is_left_alone(elsewhere: Elsewhere) -> None:
    provider = reaching(elsewhere.http, elsewhere.url, failures=3)
    elsewhere.says("", 500)
    for _ in range(3):
        with pytest.raises(Unclear, match="500"):
            await provider.charge(CHARGE, key="top_1")
    elsewhere.says(CHARGED)
    with pytest.raises(NotAsked):
        await provider.charge(CHARGE, key="top_1")
    assert len(elsewhere.asked) == 3


def test_after_a_rest_one_request_tries() -> None:
    now = 0.0
    breaker = Breaker(2, 10, lambda: now)
    breaker.failed()
    breaker.failed()
    with pytest.raises(NotAsked):
        breaker.admit()
    now = 11.0
    breaker.admit()
    with pytest.raises(NotAsked):
        breaker.admit()
    breaker.succeeded()
    breaker.admit()
