"""Workers that top up at a real sandbox."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from contracts.ledger import GetWallet, OpenWallet, WalletView
from contracts.operations import Reply
from contracts.topups import GetTopUp, ListTopUps, RequestTopUp, TopUpView
from sandbox import __main__ as process
from sandbox.settings import Settings
from sandbox.store import Store
from tests.workers.client import Client

KEY = "sandbox-test-key"
OWNER = "usr_owner"


@dataclass(frozen=True)
class Sandbox:
    """The provider's side."""

    url: str

    async def charges(self, reference: str) -> list[dict[str, Any]]:
        """What it has charged for one top-up."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.get(f"{self.url}/v1/charges", params={"reference": reference}) as answer,
        ):
            found: list[dict[str, Any]] = (await answer.json())["data"]
            return found


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox of the test's own, whose slow answers take longer than workers wait."""
    wanted = {"provider_key": KEY, "sandbox_store": tmp_path / "sandbox.sqlite3", "slow_answer_seconds": 1}
    settings = Settings.model_validate(wanted)
    listener = socket.create_server(("127.0.0.1", 0))
    server = process.server(settings, Store(settings.sandbox_store))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield Sandbox(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server.should_exit = True
    await serving


@dataclass(frozen=True)
class Counter:
    """What tests do with top-ups, in few words."""

    client: Client

    async def wallet(self, owner: str = OWNER) -> str:
        """An empty wallet; answers with its id."""
        reply = await self.client.ask(OpenWallet(currency="IDR"), owner)
        assert reply.result is not None, reply
        return str(reply.result["id"])

    async def balance(self, wallet: str) -> int:
        """What is posted to it."""
        reply = await self.client.ask(GetWallet(wallet_id=wallet), OWNER)
        return WalletView.model_validate(reply.result).balance.posted

    async def topup(self, wallet: str, amount: int, owner: str = OWNER, **fields: Any) -> Reply:
        """Top up and wait for the end of it."""
        wanted = {"wallet_id": wallet, "amount": amount, "currency": "IDR", "method": "gopay"} | fields
        return await self.client.ask(RequestTopUp.model_validate(wanted), owner)

    async def get(self, topup: str, caller: str = OWNER, **as_who: Any) -> Reply:
        """Ask for one top-up."""
        return await self.client.ask(GetTopUp(topup_id=topup), caller, **as_who)

    async def list(self, caller: str = OWNER, *, oversees: bool = False, **query: Any) -> list[TopUpView]:
        """Ask for the first page of a list."""
        reply = await self.client.ask(ListTopUps(**query), caller, oversees=oversees)
        assert reply.result is not None, reply
        return [TopUpView.model_validate(one) for one in reply.result["data"]]


@pytest.fixture
async def counter(start_worker: Callable[..., Awaitable[Any]], client: Client, sandbox: Sandbox) -> Counter:
    """All domains in one process, with the sandbox for a provider."""
    await start_worker("all", provider_url=sandbox.url, provider_key=KEY, provider_timeout_seconds=0.5, max_attempts=20)
    return Counter(client)
