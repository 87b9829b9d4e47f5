"""A shop with a key, a customer with a card, and what happens between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from contracts import ids
from contracts.cards import IssueCard, TokenizeCard
from contracts.ledger import CreditWallet, GetWallet, ListMovements, OpenWallet
from contracts.merchants import ApproveMerchant, CreateMerchant, FeeTerms, GetMerchant, SuspendMerchant, UpdateMerchant
from contracts.message import Message
from contracts.operations import GetReveals, Reply
from contracts.payments import (
    GetPayment,
    ListPayments,
    ListRefunds,
    PaymentCard,
    RequestCapture,
    RequestPayment,
    RequestRefund,
    RequestVoid,
)
from tests.servers import Database, Vhost
from tests.workers.client import Client
from workers.ledger import verification

Json = dict[str, Any]
OWNER, CUSTOMER, OPERATOR, STRANGER = "usr_owner", "usr_customer", "usr_operator", "usr_stranger"


@dataclass(frozen=True)
class Card:
    """A customer's card, and what is printed on it."""

    id: str
    wallet: str
    owner: str
    printed: Json = field(repr=False)


@dataclass(frozen=True)
class Shop:
    """A merchant and its settlement wallet."""

    id: str
    wallet: str
    owner: str


@dataclass(frozen=True)
class Market:
    """What tests do with payments, in few words."""

    client: Client
    worker: Client
    database: Database
    rows: Any

    async def done(self, message: Message, caller: str, **as_who: Any) -> Json:
        """The answer of what must succeed."""
        reply = await self.client.ask(message, caller, **as_who)
        assert reply.status == "succeeded", reply
        assert reply.result is not None
        return reply.result

    async def refused(self, message: Message, caller: str, **as_who: Any) -> str:
        """The code of what must be refused."""
        reply = await self.client.ask(message, caller, **as_who)
        assert reply.problem is not None, reply
        return reply.problem.code

    async def shop(self, owner: str = OWNER, *, fixed: int = 0, basis_points: int = 0) -> Shop:
        """An active merchant that pays such fees."""
        made = await self.done(CreateMerchant(name="Kopi", currency="IDR"), owner)
        fee = FeeTerms(fixed=fixed, basis_points=basis_points)
        await self.done(UpdateMerchant(merchant_id=made["id"], fee=fee), OPERATOR, oversees=True)
        await self.done(ApproveMerchant(merchant_id=made["id"], reason="Known"), OPERATOR, oversees=True)
        found = await self.done(GetMerchant(merchant_id=made["id"]), owner)
        return Shop(made["id"], found["settlement_wallet_id"], owner)

    async def suspend(self, shop: Shop) -> None:
        """An operator stops it."""
        await self.done(SuspendMerchant(merchant_id=shop.id, reason="Complaints"), OPERATOR, oversees=True)

    async def wallet(self, owner: str, funds: int = 0) -> str:
        """A wallet with money in it."""
        wallet = str((await self.done(OpenWallet(currency="IDR"), owner))["id"])
        if funds:
            await self.credit(wallet, funds)
        return wallet

    async def credit(self, wallet: str, amount: int) -> None:
        """Money arrives."""
        arrived = CreditWallet(account_id=wallet, amount=amount, currency="IDR", kind="top_up")
        assert (await self.worker.ask(arrived, "provider")).status == "succeeded"

    async def card(self, owner: str = CUSTOMER, *, funds: int = 0, **fields: Any) -> Card:
        """A card on a new wallet with money in it."""
        wallet = await self.wallet(owner, funds)
        told = {"wallet_id": wallet, "brand": "visa", "type": "debit"} | fields
        wish = self.client.envelope(IssueCard.model_validate(told), owner)
        await self.client.send(wish)
        reply = await self.client.final(wish)
        assert reply.result is not None, reply
        shown = (await self.done(GetReveals(operation_id=wish.id), owner))["values"]
        about = reply.result
        printed = shown | {"exp_month": about["exp_month"], "exp_year": about["exp_year"]}
        return Card(about["id"], wallet, owner, printed)

    async def token(self, card: Card, shop: Shop, **changes: Any) -> Reply:
        """Swap card data as the edge does."""
        return await self.client.ask(TokenizeCard.model_validate(card.printed | changes), shop.id)

    def order(self, card: Card | PaymentCard, amount: int = 1_000, **fields: Any) -> RequestPayment:
        """What a shop asks for."""
        named = PaymentCard(id=card.id) if isinstance(card, Card) else card
        return RequestPayment.model_validate({"card": named, "amount": amount, "currency": "IDR"} | fields)

    async def pay(self, shop: Shop, card: Card | PaymentCard, amount: int = 1_000, **fields: Any) -> Reply:
        """A payment, to its end."""
        return await self.client.ask(self.order(card, amount, **fields), shop.id)

    async def paid(self, shop: Shop, card: Card | PaymentCard, amount: int = 1_000, **fields: Any) -> str:
        """The id of one that must succeed."""
        reply = await self.pay(shop, card, amount, **fields)
        assert reply.result is not None, reply
        return str(reply.result["id"])

    async def authorized(self, shop: Shop, card: Card, amount: int = 1_000) -> str:
        """The id of one that waits to be captured."""
        return await self.paid(shop, card, amount, capture="manual")

    async def capture(self, shop: Shop, key: str, amount: int | None = None, **options: Any) -> Reply:
        """A capture, to its end."""
        return await self.client.ask(RequestCapture(payment_id=key, amount=amount, **options), shop.id)

    async def void(self, shop: Shop, key: str) -> Reply:
        """A void, to its end."""
        return await self.client.ask(RequestVoid(payment_id=key), shop.id)

    async def refund(self, shop: Shop, key: str, amount: int | None = None, **fields: Any) -> Reply:
        """A refund, to its end."""
        return await self.client.ask(RequestRefund(payment_id=key, amount=amount, **fields), shop.id)

    async def get(self, key: str, caller: str, **as_who: Any) -> Json:
        """A payment as somebody sees it."""
        return await self.done(GetPayment(payment_id=key), caller, **as_who)

    async def listed(self, caller: str, *, oversees: bool = False, **query: Any) -> list[Json]:
        """A list; all its pages."""
        found: list[Json] = []
        after = None
        while True:
            page = await self.done(ListPayments(**query, after=after), caller, oversees=oversees)
            found += page["data"]
            after = page["next"]
            if not page["has_more"]:
                return found

    async def refunds(self, key: str, caller: str) -> list[Json]:
        """A payment's refunds."""
        found: list[Json] = (await self.done(ListRefunds(payment_id=key, limit=100), caller))["data"]
        return found

    async def balance(self, owner: str, wallet: str) -> tuple[int, int]:
        """Posted and held."""
        balance = (await self.done(GetWallet(wallet_id=wallet), owner))["balance"]
        return balance["posted"], balance["held"]

    async def balances(self, card: Card, shop: Shop) -> tuple[tuple[int, int], tuple[int, int], int]:
        """Posted and held at the customer's and at the shop's, and the fees."""
        query = "SELECT coalesce(sum(posted), 0)::bigint FROM ledger.accounts WHERE role = 'fees'"
        fees = int(await self.rows.fetchval(query))
        return await self.balance(card.owner, card.wallet), await self.balance(shop.owner, shop.wallet), fees

    async def kinds(self, owner: str, wallet: str) -> list[tuple[str, int]]:
        """A statement's kinds and amounts, newest first."""
        page = await self.done(ListMovements(wallet_id=wallet, limit=100), owner)
        return [(one["kind"], one["amount"]) for one in page["data"]]

    async def at_once(self, *messages: Message, caller: str, **as_who: Any) -> list[Reply]:
        """Many messages in a few bundles."""
        envelopes = [self.client.envelope(message, caller, **as_who) for message in messages]
        for start in range(0, len(envelopes), 50):
            await self.client.send(*envelopes[start : start + 50])
        return await asyncio.gather(*(self.client.final(envelope) for envelope in envelopes))

    async def repeated(self, message: Message, caller: str, times: int = 3) -> list[Reply]:
        """The same operation several times, in one bundle and after that."""
        first = self.client.envelope(message, caller, id=ids.new("op"))
        again = [self.client.envelope(message, caller, id=first.id) for _ in range(times)]
        await self.client.send(first, *again)
        await self.client.send(*again)
        return [await self.client.final(envelope) for envelope in (first, *again)]

    async def is_sound(self) -> None:
        """The ledger adds up, and nothing is left open."""
        assert await verification.verify(self.database.admin_url) == []
        for query in (
            "SELECT count(*) FROM runtime.sagas WHERE phase NOT IN ('completed', 'failed')",
            "SELECT count(*) FROM runtime.dead_letters",
            "SELECT count(*) FROM payments.payments WHERE capturing + refunding + fee_pending + fee_returning > 0",
            "SELECT count(*) FROM payments.captures WHERE status = 'pending'",
            "SELECT count(*) FROM payments.refunds WHERE status = 'pending'",
        ):
            assert await self.rows.fetchval(query) == 0, query


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
async def market(
    start_worker: Callable[..., Awaitable[Any]], client: Client, worker: Client, database: Database, rows: Any
) -> Market:
    """All domains in one process."""
    await start_worker("all")
    return Market(client, worker, database, rows)


@pytest.fixture
async def market_apart(
    start_worker: Callable[..., Awaitable[Any]], client: Client, worker: Client, database: Database, rows: Any
) -> Market:
    """A process for each domain that has a part in it."""
    for domain in ("cards", "ledger", "merchants", "operations", "payments"):
        await start_worker(domain)
    return Market(client, worker, database, rows)


@pytest.fixture(params=["market", "market_apart"])
def either(request: pytest.FixtureRequest) -> Market:
    """Both arrangements, in turn."""
    found: Market = request.getfixturevalue(request.param)
    return found
