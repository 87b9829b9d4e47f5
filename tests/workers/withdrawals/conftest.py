"""Workers that pay out at a real sandbox."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from contracts.ledger import GetWallet, OpenWallet, WalletView
from contracts.operations import Reply
from contracts.topups import RequestTopUp
from contracts.withdrawals import Beneficiary, GetWithdrawal, RequestWithdrawal, WithdrawalView
from tests.servers import Database
from tests.system import eventually
from tests.workers import bank
from tests.workers.bank import KEY, Bank
from tests.workers.client import Client
from workers.ledger import verification

OWNER = "usr_owner"
FUNDS = 10_000_000
FEE = 2_500
WORKER = {"provider_key": KEY, "provider_timeout_seconds": 0.4, "provider_failures": 1000, "max_attempts": 20}
WAITS = """
SELECT due_at - withdrawals.created_at FROM withdrawals.withdrawals
JOIN runtime.sagas ON sagas.id = saga_id JOIN runtime.timers ON timers.id = timer_id WHERE withdrawals.id = $1
"""
BENEFICIARY = Beneficiary(bank="BCA", account_number="1234567890", name="Ani Wijaya")


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path, client: Client) -> AsyncIterator[Bank]:
    """A sandbox of the test's own, whose slow answers take longer than workers wait."""
    async with (
        bank.doorman(client) as door,
        bank.opened(tmp_path / "sandbox.sqlite3", callback_url=door, **getattr(request, "param", {})) as opened,
    ):
        yield opened


@dataclass(frozen=True)
class Window:
    """What tests do with withdrawals, in few words."""

    client: Client
    database: Database

    async def wallet(self, funds: int = FUNDS, owner: str = OWNER) -> str:
        """A wallet with money in it; answers with its id."""
        reply = await self.client.ask(OpenWallet(currency="IDR"), owner)
        assert reply.result is not None, reply
        wallet = str(reply.result["id"])
        topup = RequestTopUp(wallet_id=wallet, amount=funds, currency="IDR", method="bca_virtual_account")
        assert (await self.client.ask(topup, owner)).status == "succeeded"
        return wallet

    async def balance(self, wallet: str) -> tuple[int, int]:
        """What is posted to it, and held."""
        reply = await self.client.ask(GetWallet(wallet_id=wallet), OWNER)
        balance = WalletView.model_validate(reply.result).balance
        return balance.posted, balance.held

    async def withdraw(self, wallet: str, amount: int, owner: str = OWNER, **fields: Any) -> Reply:
        """Withdraw and wait for the end of the operation."""
        return await self.client.ask(_order(wallet, amount, **fields), owner)

    async def begin(self, wallet: str, amount: int, **fields: Any) -> str:
        """Withdraw and don't wait; answers with the withdrawal's id."""
        envelope = self.client.envelope(_order(wallet, amount, **fields), OWNER)
        await self.client.send(envelope)
        return envelope.id.replace("op_", "wdr_")

    async def becomes(self, withdrawal: str, *statuses: str) -> WithdrawalView:
        """The withdrawal once it has one of these statuses."""
        last: Reply | None = None

        async def there() -> bool:
            nonlocal last
            last = await self.client.ask(GetWithdrawal(withdrawal_id=withdrawal), OWNER)
            return last.result is not None and last.result["status"] in statuses

        await eventually(f"{withdrawal} becomes {statuses}", 15, there)
        assert last is not None
        return WithdrawalView.model_validate(last.result)

    async def has(self, wallet: str, balance: tuple[int, int]) -> None:
        """Wait until this is posted and held."""

        async def there() -> bool:
            return await self.balance(wallet) == balance

        await eventually(f"{wallet} has {balance}", 15, there)

    async def waits(self, withdrawal: str) -> timedelta:
        """How long after the request its saga asks again."""
        connection = await asyncpg.connect(self.database.owner_url)
        waits: list[timedelta] = []

        async def known() -> bool:
            waits[:] = [row[0] for row in await connection.fetch(WAITS, withdrawal)]
            return bool(waits)

        await eventually(f"{withdrawal} waits", 15, known)
        await connection.close()
        return waits[0]

    async def suspense(self) -> int:
        """What lies at suspense; the ledger is sound."""
        report = await verification.report(self.database.owner_url)
        assert report.sound, report.sentences()
        return sum(total.suspense for total in report.totals)

    async def trail(self, withdrawal: str) -> list[tuple[str, str]]:
        """Who has changed its status by hand, and to what."""
        connection = await asyncpg.connect(self.database.owner_url)
        try:
            trail = "SELECT actor, after->>'status' FROM operations.audit WHERE object = $1 ORDER BY created_at"
            return [tuple(row) for row in await connection.fetch(trail, withdrawal)]
        finally:
            await connection.close()


def _order(wallet: str, amount: int, **fields: Any) -> RequestWithdrawal:
    wanted = {"wallet_id": wallet, "amount": amount, "currency": "IDR", "beneficiary": BENEFICIARY} | fields
    return RequestWithdrawal.model_validate(wanted)


@pytest.fixture
async def window(
    request: pytest.FixtureRequest,
    start_worker: Callable[..., Awaitable[Any]],
    client: Client,
    sandbox: Bank,
    database: Database,
) -> Window:
    """All domains in one process, with the sandbox for a provider."""
    await start_worker("all", provider_url=sandbox.url, **(WORKER | getattr(request, "param", {})))
    return Window(client, database)
