"""A sandbox of a test's own, and the gateway's part in what it tells by itself."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic_core import to_json

from contracts.callbacks import HearCallback
from sandbox import __main__ as process
from sandbox.settings import Settings
from tests.workers.client import Client

KEY = "sandbox-test-key"
SECRET = "callback-test-secret"
DAY_SECONDS = 86_400
SLOW = {"slow_answer_seconds": 0.6, "delay_seconds": 0.3, "callback_retry_seconds": 0.1}


@dataclass(frozen=True)
class Bank:
    """The provider's side."""

    url: str

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """One request with the provider's key; its answer, decoded."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.request(method, self.url + path, json=body, params=query) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.status != 204 else None

    async def charges(self, reference: str) -> list[dict[str, Any]]:
        """What it has charged for one top-up."""
        found: list[dict[str, Any]] = (await self.call("GET", "/v1/charges", reference=reference))["data"]
        return found

    async def payouts(self, reference: str) -> list[dict[str, Any]]:
        """What it has paid for one withdrawal."""
        found: list[dict[str, Any]] = (await self.call("GET", "/v1/payouts", reference=reference))["data"]
        return found

    async def plan(self, script: str, times: int = 1, kind: str | None = None) -> None:
        """What it does next."""
        await self.call("POST", "/v1/sandbox/scripts", {"script": script, "times": times, "kind": kind})

    async def change(self, payment: str, status: str) -> None:
        """What becomes of a payment."""
        await self.call("POST", f"/v1/sandbox/payments/{payment}", {"status": status})

    async def days_go_by(self, days: int) -> None:
        """Its clock is moved."""
        await self.call("POST", "/v1/sandbox/clock", {"advance_seconds": float(days * DAY_SECONDS)})


async def says(client: Client, kind: str, payment: dict[str, Any], **changes: Any) -> None:
    """A callback with the provider's signature that the sandbox itself would not send."""
    key, at = f"msg_{secrets.token_hex(8)}", str(int(time.time()))
    body = to_json({"id": key, "type": kind, "kind": kind, "data": payment | changes}).decode()
    digest = hmac.digest(SECRET.encode(), f"{key}.{at}.{body}".encode(), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    headers = {"webhook-id": key, "webhook-timestamp": at, "webhook-signature": signature}
    reply = await client.ask(HearCallback(provider="sandbox", headers=headers, body=body))
    assert reply.status == "succeeded", reply


@asynccontextmanager
async def opened(path: Path, **changes: Any) -> AsyncIterator[Bank]:
    """A sandbox that serves until the block ends."""
    wanted = {"provider_key": KEY, "sandbox_store": path, "callback_secret": SECRET}
    settings = Settings.model_validate(wanted | SLOW | changes)
    listener = socket.create_server(("127.0.0.1", 0))
    server = process.server(settings, process.opened(settings))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Bank(f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def doorman(client: Client) -> AsyncIterator[str]:
    """Where callbacks go: to the workers, as the gateway passes them on."""

    async def hear(request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower().startswith("webhook-")}
        told = {name.lower(): value for name, value in headers.items()}
        call = HearCallback(provider="sandbox", headers=told, body=await request.text())
        try:
            reply = await client.ask(call)
        except TimeoutError:
            return web.Response(status=503)
        return web.Response(status=200 if reply.status == "succeeded" else 401)

    application = web.Application()
    application.router.add_post("/v1/callbacks/sandbox", hear)
    async with TestServer(application) as server:
        yield str(server.make_url("/v1/callbacks/sandbox"))
