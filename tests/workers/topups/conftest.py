"""Workers that top up at a real sandbox."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.ledger import GetWallet, OpenWallet, WalletView
from contracts.operations import Reply
from contracts.topups import GetTopUp, ListTopUps, RequestTopUp, TopUpView
from tests.servers import Database
from tests.system import eventually
from tests.workers import bank
from tests.workers.bank import KEY, Bank
from tests.workers.client import Client
from workers.ledger import verification

OWNER = "usr_owner"
WORKER = {"provider_key": KEY, "provider_timeout_seconds": 0.4, "provider_failures": 1000, "max_attempts": 20}


@pytest.fixture
async def sandbox(tmp_path: Path, client: Client) -> AsyncIterator[Bank]:
    """A sandbox of the test's own, whose slow answers take longer than workers wait."""
    async with (
        bank.doorman(client) as door,
        bank.opened(tmp_path / "sandbox.sqlite3", callback_url=door) as opened,
    ):
        yield opened


@dataclass(frozen=True)
class Counter:
    """What tests do with top-ups, in few words."""

    client: Client
    database: Database

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

    async def begin(self, wallet: str, amount: int) -> str:
        """Top up and don't wait; answers with the id of the only top-up that this wallet has."""
        command = RequestTopUp(wallet_id=wallet, amount=amount, currency="IDR", method="gopay")
        envelope = self.client.envelope(command, OWNER)
        await self.client.send(envelope)
        return envelope.id.replace("op_", "top_")

    async def get(self, topup: str, caller: str = OWNER, **as_who: Any) -> Reply:
        """Ask for one top-up."""
        return await self.client.ask(GetTopUp(topup_id=topup), caller, **as_who)

    async def becomes(self, topup: str, status: str) -> TopUpView:
        """The top-up once it has this status."""
        last: Reply | None = None

        async def there() -> bool:
            nonlocal last
            last = await self.get(topup)
            return last.result is not None and last.result["status"] == status

        await eventually(f"{topup} becomes {status}", 15, there)
        assert last is not None
        return TopUpView.model_validate(last.result)

    async def list(self, caller: str = OWNER, *, oversees: bool = False, **query: Any) -> list[TopUpView]:
        """Ask for the first page of a list."""
        reply = await self.client.ask(ListTopUps(**query), caller, oversees=oversees)
        assert reply.result is not None, reply
        return [TopUpView.model_validate(one) for one in reply.result["data"]]

    async def suspense(self) -> int:
        """What lies at suspense."""
        report = await verification.report(self.database.owner_url)
        assert report.sound, report.sentences()
        return sum(total.suspense for total in report.totals)


@pytest.fixture
async def counter(
    start_worker: Callable[..., Awaitable[Any]], client: Client, sandbox: Bank, database: Database
) -> Counter:
    """All domains in one process, with the sandbox for a provider."""
    await start_worker("all", provider_url=sandbox.url, **WORKER)
    return Counter(client, database)
