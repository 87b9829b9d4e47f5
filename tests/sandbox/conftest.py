"""A real sandbox on a free port for each test, in this process, on a file of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sandbox import __main__ as process
from sandbox.settings import Settings

KEY = "sandbox-test-key"


@dataclass(frozen=True)
class Provider:
    """What a caller of the sandbox needs."""

    http: ClientSession

    async def charge(self, key: str, amount: int = 125_000, **changes: object) -> tuple[int, dict[str, object]]:
        body = {
            "reference": "top_1",
            "method": "bank_transfer",
            "amount": amount,
            "currency": "IDR",
        } | changes
        async with self.http.post("/v1/charges", json=body, headers={"Idempotency-Key": key}) as answer:
            return answer.status, await answer.json(content_type=None)

    async def charges(self, **query: str) -> dict[str, object]:
        async with self.http.get("/v1/charges", params=query) as answer:
            assert answer.status == 200
            listing: dict[str, object] = await answer.json()
            return listing


@asynccontextmanager
async def running(store: Path, **changes: object) -> AsyncIterator[Provider]:
    """Serve until the block ends; a second run on the same file finds what the first one stored."""
    settings = Settings.model_validate({"provider_key": KEY, "sandbox_store": store} | changes)
    listener = socket.create_server(("127.0.0.1", 0))
    server = process.server(settings, process.opened(settings))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with ClientSession(address, headers={"Authorization": f"Bearer {KEY}"}) as http:
            yield Provider(http)
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "books" / "sandbox.sqlite3"


@pytest.fixture
async def provider(store_path: Path) -> AsyncIterator[Provider]:
    async with running(store_path, slow_answer_seconds=0.5) as started:
        yield started


type Post = Callable[..., Awaitable[tuple[int, dict[str, object]]]]


@pytest.fixture
def post(provider: Provider) -> Post:
    """Send raw bytes with any headers to `/v1/charges`."""

    async def send(data: bytes = b"{}", **headers: str) -> tuple[int, dict[str, object]]:
        wanted = {"Content-Type": "application/json", "Idempotency-Key": "k"}
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with provider.http.post("/v1/charges", data=data, headers=wanted) as answer:
            assert answer.content_type == "application/problem+json"
            return answer.status, await answer.json(content_type=None)

    return send
