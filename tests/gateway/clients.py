"""A client of a gateway under test, and gateways to be clients of."""

import asyncio
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from gateway.server import Gateway
from gateway.settings import Settings
from tests.gateway.tokens import Issuer

ME = "/v1/auth/me"
KEY = urlsafe_b64encode(bytes(range(32))).decode()


async def until(true: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is awaited has no event to tell it
            await asyncio.sleep(0.01)


@dataclass
class Answer:
    """A response, read."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        assert self.json["status"] == self.status
        return str(self.json["code"])


class Client:
    """Somebody with a token at one gateway."""

    def __init__(self, url: str, session: aiohttp.ClientSession, issuer: Issuer, **claims: Any) -> None:
        self.url = url
        self.session = session
        self.claims = issuer.claims(**claims)
        self.principal: str = self.claims["sub"]
        self.token = issuer.token(**self.claims | {"subject": self.principal})

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        prefer: str | None = None,
        headers: dict[str, str] | None = None,
        anonymous: bool = False,
    ) -> Answer:
        given = {} if anonymous else {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            given["Idempotency-Key"] = key
        if prefer is not None:
            given["Prefer"] = prefer
        if body is not None:
            given["Content-Type"] = "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self.session.request(
            method, self.url + path, data=data, headers=given | (headers or {}), allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("POST", path, body, **options)

    async def transfer(self, key: str | None = None, prefer: str | None = None, **changes: Any) -> Answer:
        return await self.post("/v1/transfers", transfer(**changes), key=key or secrets.token_hex(8), prefer=prefer)


async def refused(client: Client, token: str, code: str = "token_invalid") -> None:
    """A token opens nothing."""
    answer = await client.get(ME, anonymous=True, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="saldo", error="invalid_token"')


def transfer(**changes: Any) -> dict[str, Any]:
    return {
        "source": {"wallet_id": "wal_a"},
        "destination": {"wallet_id": "wal_b"},
        "amount": 1000,
        "currency": "EUR",
    } | changes


def settings(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "operation_id_key": KEY,
        "http_port": 0,
        "metrics_port": 0,
        "access_log": False,
        "rate_limit_per_minute": 1_000_000,
        "register_limit_per_minute": 1000,
        "login_limit_per_minute": 1000,
        "drain_seconds": 0.02,
        # A busy machine is no reason to learn of a misused key later than at once.
        "acceptance_wait_seconds": 3,
    }
    return Settings.model_validate(given | changes)


@asynccontextmanager
async def running(chosen: Settings, *, ready: bool = True) -> AsyncIterator[Gateway]:
    """A gateway that serves."""
    gateway = Gateway(chosen)
    serving = asyncio.create_task(gateway.serve())
    try:
        if ready:
            await until(lambda: not gateway.instance.missing)
        yield gateway
    finally:
        if not gateway.instance.draining:
            gateway.stop()
        await asyncio.wait_for(serving, 30)
