"""No log, stored row, queue or Redis value holds a password, a token, or a card's number or code."""

import asyncio
import re
import secrets as chance
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import asyncpg
import pytest
from redis import asyncio as redis

from contracts import topology
from contracts.cards import TokenizeCard
from tests.journeys.conftest import Meet
from tests.people import Json, Person, key
from tests.system import System
from tests.workers.client import Client

PLACES = """
SELECT format('SELECT %L AS place, t::text AS value FROM %I.%I AS t',
              schemaname || '.' || tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


@pytest.fixture
async def secrets(meet: Meet, nobody: Person) -> list[str]:
    """What nobody but the two people may ever hold, after all that they do with it."""
    ani, budi = await meet(), await meet()
    mine, theirs = await ani.open(funds=100), await budi.open()
    assert (await ani.transfer(mine, budi.email, 50)).status == 201
    assert (await ani.transfer(mine, theirs, 500)).status == 402
    wrong = "a wrong password, but whose?"
    assert (await nobody.post("/v1/auth/login", {"email": ani.email, "password": wrong})).status == 401
    twice = {"email": ani.email, "password": f"{ani.password}-2", "first_name": "A", "last_name": "B"}
    assert (await nobody.post("/v1/auth/register", twice)).status == 409
    assert (await nobody.post("/v1/auth/register", twice | {"email": 1})).status == 422
    assert (await nobody.post("/v1/auth/login", {**twice, "email": f"{ani.password}@"})).status == 422
    assert (await ani.get(f"/v1/wallets?search={ani.token}")).status == 422
    assert (await ani.get(f"/v1/auth/{ani.password}")).status == 404
    keys = [await _key_in_use(ani, nobody) for _ in range(2)]
    # Buffered lines are written within this time.
    await asyncio.sleep(0.5)
    tokens = [part for one in (ani, budi) for part in (one.token or "").split(".")[1:]]
    return [ani.password, budi.password, wrong, *tokens, *(key[9:] for key in keys)]


async def _key_in_use(owner: Person, machine: Person) -> str:
    """An API key after all that people do with one, wise or not; only its beginning is shown again."""
    merchant = (await owner.post("/v1/merchants", {"name": "Kopi", "currency": "IDR"})).json["id"]
    path = f"/v1/merchants/{merchant}"
    body = {"name": "Till", "scopes": ["merchants:read"]}
    made = await owner.post(f"{path}/api-keys", body, key=merchant, prefer="wait=20")
    assert (await owner.post(f"{path}/api-keys", body, key=merchant)).json["key"] == made.json["key"]
    machine.token = key = made.json["key"]
    assert (await machine.get(path)).code == "merchant_not_active"
    assert (await owner.get(f"/v1/merchants?search={key}")).json["data"] == []
    assert (await owner.get(f"/v1/merchants?api_key={key}")).status == 422
    assert (await owner.get(f"/v1/merchants/{key}")).status == 404
    rotated = await owner.post(f"{path}/api-keys/{made.json['id']}/rotate", {"overlap_seconds": 60})
    machine.token = f"{rotated.json['key']}x"
    assert (await machine.get(path)).code == "api_key_invalid"
    assert (await owner.call("DELETE", f"{path}/api-keys/{made.json['id']}")).status == 204
    machine.token = None
    return str(key)


async def test_nothing_that_is_kept_holds_a_secret(system: System, secrets: list[str]) -> None:
    kept = {**system.logs(), **await _rows(system.servers.migrations), **await _values(system.servers.redis)}
    assert {"identity.users", "runtime.operations", "gateway", "sandbox", "merchants.api_keys"} <= kept.keys()
    assert "usr_" in kept["identity.users"]
    found = [place for place, text in kept.items() for secret in secrets if secret in text]
    assert not found


async def test_nothing_that_is_kept_holds_a_card(system: System, ani: Person) -> None:
    async with _everything_durable(system) as said:
        cards = await _use_cards(system, ani)
        # Buffered lines are written within this time, and what is told is told by then.
        await asyncio.sleep(0.5)
        kept = {**system.logs(), "broker": await said(), **await _rows(system.servers.migrations)}
    kept |= await _values(system.servers.redis)
    assert "EmbossCard" in kept["broker"] or "CardRequested" in kept["runtime.sagas"]
    assert {"cards.cards", "cards.tokens", "cards.tries", "runtime.reveals", "runtime.operations"} <= kept.keys()
    assert not [place for place, text in kept.items() for card in cards if card["pan"] in text]
    # Four digits are somewhere by chance, but not those of all cards in one place.
    codes = [re.compile(rf"(?<![\w.:-]){card['cvv']}(?![\w.:-])") for card in cards]
    assert not [place for place, text in kept.items() if all(code.search(text) for code in codes)]


async def _use_cards(system: System, ani: Person) -> list[Json]:
    """Everything that can be done with cards' data, right and wrong."""
    wallet, mine = await ani.open(funds=1_000), key()
    cards = [await ani.issue(wallet, brand="amex", key=mine) for _ in range(2)][:1]
    accepted = await ani.post(
        "/v1/cards", {"wallet_id": wallet, "brand": "amex", "type": "debit"}, prefer="respond-async"
    )
    cards.append((await ani.outcome(accepted.json["id"], at=1))["result"])
    cards += [await ani.issue(wallet, brand="amex", at=number % 2) for number in range(2)]
    assert len({card["cvv"] for card in cards}) > 1
    pan = cards[0]["pan"]
    assert (await ani.get(f"/v1/cards/{pan}")).status == 404
    assert (await ani.post("/v1/cards", {"wallet_id": wallet, "brand": pan, "type": "debit"})).status == 422
    checkout = await Client(system.servers.gateway_amqp).start()
    for card in cards:
        data = {name: card[name] for name in ("pan", "cvv", "exp_month", "exp_year")}
        assert (await checkout.ask(TokenizeCard(**data), "mer_1")).status == "succeeded"
        wrong = data | {"exp_month": card["exp_month"] % 12 + 1}
        assert (await checkout.ask(TokenizeCard(**wrong), "mer_1")).status == "failed"
    await checkout.stop()
    return cards


@asynccontextmanager
async def _everything_durable(system: System) -> AsyncIterator[Json]:
    """A copy of each message that is published to a durable queue meanwhile."""
    async with await aio_pika.connect(system.servers.workers_amqp) as connection:
        channel = await connection.channel()
        copies = await channel.declare_queue(f"copies.{chance.token_hex(4)}", exclusive=True)
        for queue in topology.WHOLE.queues():
            for exchange, routing_key in queue.bindings:
                if not queue.name.endswith((".calls", ".queries")):
                    await copies.bind(exchange, routing_key)

        async def said() -> str:
            found = []
            while (message := await copies.get(no_ack=True, fail=False)) is not None:
                found.append(message.body.decode())
            return "\n".join(found)

        yield said


async def _rows(url: str) -> dict[str, str]:
    """All rows of all tables as text."""
    connection = await asyncpg.connect(url)
    try:
        statements = [row[0] for row in await connection.fetch(PLACES)]
        rows = [row for statement in statements for row in await connection.fetch(statement)]
    finally:
        await connection.close()
    found: dict[str, str] = {}
    for row in rows:
        found[row["place"]] = found.get(row["place"], "") + row["value"] + "\n"
    return found


async def _values(url: str) -> dict[str, str]:
    """All keys of this Redis database with their values."""
    async with redis.from_url(url) as client:
        return {f"redis {key!r}": repr(key) + repr(await client.dump(key)) async for key in client.scan_iter()}
