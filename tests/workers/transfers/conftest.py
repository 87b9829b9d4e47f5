"""People with wallets and money."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.identity import Register
from contracts.ledger import CreditWallet, GetWallet, OpenWallet, WalletView
from contracts.money import Currency
from contracts.operations import Reply
from contracts.topology import DOMAINS
from contracts.transfers import Destination, GetTransfer, ListTransfers, RequestTransfer, Source, TransferView
from tests.servers import Vhost
from tests.workers.client import Client


@dataclass(frozen=True)
class Bank:
    """What tests do with money, in few words."""

    client: Client
    provider: Client

    async def person(self, name: str) -> str:
        """Somebody who can be sent money by e-mail; answers with their id."""
        asked = Register(
            email=f"{name}@example.com", password="correct horse battery", first_name=name, last_name="Test"
        )
        reply = await self.client.ask(asked, "nobody")
        assert reply.result is not None, reply
        return str(reply.result["id"])

    async def wallet(self, owner: str, amount: int = 0, currency: Currency = "IDR") -> str:
        """A wallet with money in it; answers with its id."""
        reply = await self.client.ask(OpenWallet(currency=currency), owner)
        assert reply.result is not None, reply
        wallet = str(reply.result["id"])
        if amount:
            credit = CreditWallet(account_id=wallet, amount=amount, currency=currency, kind="top_up")
            assert (await self.provider.ask(credit, "provider")).status == "succeeded"
        return wallet

    async def balance(self, owner: str, wallet: str) -> tuple[int, int]:
        """Posted and held."""
        reply = await self.client.ask(GetWallet(wallet_id=wallet), owner)
        balance = WalletView.model_validate(reply.result).balance
        return balance.posted, balance.held

    async def send(self, sender: str, source: str, amount: int, **options: Any) -> Reply:
        """Transfer to a `wallet_id` or an `email`, and wait for the end of it."""
        destination = Destination(wallet_id=options.pop("wallet_id", None), email=options.pop("email", None))
        wanted = {"currency": "IDR"} | options
        command = RequestTransfer(source=Source(wallet_id=source), destination=destination, amount=amount, **wanted)
        return await self.client.ask(command, sender)

    async def get(self, caller: str, transfer: str, **as_who: Any) -> Reply:
        """Ask for one transfer."""
        return await self.client.ask(GetTransfer(transfer_id=transfer), caller, **as_who)

    async def list(self, caller: str, *, oversees: bool = False, **query: Any) -> list[TransferView]:
        """Ask for a list; all its pages."""
        found: list[TransferView] = []
        after = None
        while True:
            reply = await self.client.ask(ListTransfers(**query, after=after), caller, oversees=oversees)
            assert reply.result is not None, reply
            found += [TransferView.model_validate(one) for one in reply.result["data"]]
            after = reply.result["next"]
            if not reply.result["has_more"]:
                return found


@pytest.fixture
async def provider(vhost: Vhost) -> AsyncIterator[Client]:
    """A client that may say what only workers say."""
    provider = await Client(vhost.workers_url).start()
    yield provider
    await provider.stop()


@pytest.fixture
async def bank(start_worker: Callable[..., Awaitable[Any]], client: Client, provider: Client) -> Bank:
    """All domains in one process."""
    await start_worker("all")
    return Bank(client, provider)


@pytest.fixture
async def bank_apart(start_worker: Callable[..., Awaitable[Any]], client: Client, provider: Client) -> Bank:
    """A process for each domain."""
    for domain in DOMAINS:
        await start_worker(domain)
    return Bank(client, provider)
