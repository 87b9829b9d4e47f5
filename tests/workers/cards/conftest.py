"""People with wallets and cards."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from contracts import ids
from contracts.cards import CardLimits, GetCardDashboard, IssueCard, SpendOnCard, TokenizeCard, UnspendOnCard
from contracts.ledger import OpenWallet
from contracts.operations import GetReveals, Reply
from contracts.topology import DOMAINS
from tests.servers import Database, Vhost
from tests.workers.client import Client

OWNER, STRANGER = "usr_owner", "usr_stranger"


@dataclass(frozen=True)
class Made:
    """A new card with what was revealed of it."""

    id: str
    view: dict[str, Any]
    pan: str
    cvv: str

    def presented(self, **other: Any) -> TokenizeCard:
        """Its data as a checkout would pass it on, with something else instead."""
        data = {
            "pan": self.pan,
            "cvv": self.cvv,
            "exp_month": self.view["exp_month"],
            "exp_year": self.view["exp_year"],
        }
        return TokenizeCard(**(data | other))


@dataclass(frozen=True)
class Issuer:
    """What tests do with cards, in few words. `worker` may say what only workers say."""

    client: Client
    worker: Client
    database: Any

    async def wallet(self, owner: str = OWNER) -> str:
        """A wallet's id."""
        reply = await self.client.ask(OpenWallet(currency="IDR"), owner)
        assert reply.result is not None, reply
        return str(reply.result["id"])

    async def wish(self, wallet: str, owner: str = OWNER, **fields: Any) -> Reply:
        """Ask for a card and wait for it."""
        told = {"brand": "visa", "type": "debit"} | fields
        return await self.client.ask(IssueCard(wallet_id=wallet, **told), owner)

    async def card(self, owner: str = OWNER, **fields: Any) -> Made:
        """A new card on a new wallet, and what it reveals."""
        wallet = await self.wallet(owner)
        told = {"brand": "visa", "type": "debit"} | fields
        wish = self.client.envelope(IssueCard(wallet_id=wallet, **told), owner)
        await self.client.send(wish)
        reply = await self.client.final(wish)
        assert reply.result is not None, reply
        shown = (await self.client.ask(GetReveals(operation_id=wish.id), owner)).result
        assert shown is not None
        return Made(reply.result["id"], reply.result, shown["values"]["pan"], shown["values"]["cvv"])

    async def do(self, command: Any, caller: str = OWNER, **as_who: Any) -> Reply:
        """Ask as somebody."""
        return await self.client.ask(command, caller, **as_who)

    async def code(self, command: Any, caller: str = OWNER, **as_who: Any) -> str:
        """The code of the refusal that this must meet."""
        reply = await self.do(command, caller, **as_who)
        assert reply.problem is not None, reply
        return reply.problem.code

    async def spend(self, card: Made | None, amount: int, **fields: Any) -> Reply:
        """Spend as a saga would."""
        told: dict[str, Any] = {"spend_id": ids.new("pay"), "currency": "IDR"}
        told |= {} if card is None else {"card_id": card.id}
        return await self.worker.ask(SpendOnCard(amount=amount, **(told | fields)), "saga")

    async def unspend(self, card: Made, spend_id: str) -> Reply:
        """Undo it."""
        return await self.worker.ask(UnspendOnCard(card_id=card.id, spend_id=spend_id), "saga")

    async def dashboard(self, card: Made, owner: str = OWNER) -> dict[str, Any]:
        """What its owner sees."""
        reply = await self.client.ask(GetCardDashboard(card_id=card.id), owner)
        assert reply.result is not None, reply
        return reply.result

    async def limited(self, **limits: int) -> Made:
        """A card with limits."""
        return await self.card(limits=CardLimits(**limits))


@pytest.fixture
async def worker(vhost: Vhost) -> AsyncIterator[Client]:
    """A client that may say what only workers say."""
    worker = await Client(vhost.workers_url).start()
    yield worker
    await worker.stop()


@pytest.fixture
async def rows(database: Database) -> AsyncIterator[Any]:
    """A connection as the administrator."""
    connection = await asyncpg.connect(database.admin_url)
    yield connection
    await connection.close()


@pytest.fixture
async def issuer(start_worker: Callable[..., Awaitable[Any]], client: Client, worker: Client, rows: Any) -> Issuer:
    """All domains in one process."""
    await start_worker("all")
    return Issuer(client, worker, rows)


@pytest.fixture
async def issuer_apart(
    start_worker: Callable[..., Awaitable[Any]], client: Client, worker: Client, rows: Any
) -> Issuer:
    """A process for each of the domains that it takes."""
    for domain in DOMAINS:
        if domain in ("cards", "ledger", "operations"):
            await start_worker(domain)
    return Issuer(client, worker, rows)


@pytest.fixture(params=["issuer", "issuer_apart"])
def either(request: pytest.FixtureRequest) -> Issuer:
    """Both, in turn."""
    found: Issuer = request.getfixturevalue(request.param)
    return found
