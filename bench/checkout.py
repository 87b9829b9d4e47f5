"""Shops with API keys and customers with cards: made over HTTP like anybody else's, approved in the database."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import asyncpg

from bench.people import AT_A_TIME, People
from bench.population import CURRENCY, Wallet

SHOPS = 10
CARDS = 200
FEE_BASIS_POINTS = 250
APPROVED = "UPDATE merchants.merchants SET status = 'active', fee_basis_points = $1 WHERE id = ANY($2::text[])"


@dataclass(frozen=True)
class Checkout:
    """`keys` are API keys of active merchants, `cards` the ids of usable cards."""

    keys: list[str]
    cards: list[str]


def furnish(people: People, database_url: str, wallets: Sequence[Wallet]) -> Checkout:
    """Make some shops, and a card on each of some wallets; needs the role that owns the schema."""
    tokens = people.tokens()
    owners = list(tokens)[:SHOPS]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        shops = list(pool.map(lambda owner: _shop(people, tokens[owner]), owners))
        asyncio.run(_approve(database_url, shops))
        keys = list(
            pool.map(lambda pair: _key(people, *pair), zip(shops, (tokens[one] for one in owners), strict=True))
        )
        cards = list(pool.map(lambda wallet: _card(people, wallet.id, tokens[wallet.owner]), wallets[:CARDS]))
    return Checkout(keys, cards)


def _shop(people: People, token: str) -> str:
    return str(people.post("/v1/merchants", {"name": "Shop", "currency": CURRENCY}, token)["id"])


def _key(people: People, shop: str, token: str) -> str:
    body = {"name": "Till", "scopes": ["payments:create"]}
    return str(people.post(f"/v1/merchants/{shop}/api-keys", body, token)["key"])


def _card(people: People, wallet: str, token: str) -> str:
    return str(people.post("/v1/cards", {"wallet_id": wallet, "brand": "visa", "type": "debit"}, token)["id"])


async def _approve(database_url: str, shops: list[str]) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(APPROVED, FEE_BASIS_POINTS, shops)
    finally:
        await connection.close()
