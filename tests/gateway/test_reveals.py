"""What is shown once passes through a gateway, and is neither kept nor lost there."""

import pytest
from redis import asyncio as redis

from gateway.server import Gateway
from tests.gateway.clients import Client
from tests.gateway.conftest import Join, Start
from tests.gateway.worker import Worker

ISSUE, REVEALS = "cards.IssueCard", "operations.GetReveals"
WISH = {"wallet_id": "wal_1", "brand": "visa", "type": "debit"}
CARD = {"id": "crd_1", "last4": "0002", "pan": None, "cvv": None}
SHOWN = {"pan": "4000000000000002", "cvv": "123"}


@pytest.fixture(autouse=True)
def scripted(worker: Worker) -> None:
    worker.on(ISSUE, CARD)
    worker.on(REVEALS, {"values": SHOWN | {"last4": "9999"}})


async def test_an_answer_a_repeat_and_a_poll_show_it_at_any_gateway(
    gateway: Gateway, start: Start, join: Join, worker: Worker, redis_url: str
) -> None:
    client = join(gateway)
    answer = await client.post("/v1/cards", WISH, key="one")
    assert (answer.status, answer.json) == (201, CARD | SHOWN)
    operation = worker.of(ISSUE)[0].id
    async with start() as other:
        elsewhere = join(other, subject=client.principal)
        assert (await elsewhere.post("/v1/cards", WISH, key="one")).json == CARD | SHOWN
        assert (await elsewhere.get(f"/v1/operations/{operation}")).json["result"] == CARD | SHOWN
    stream = await client.get(f"/v1/operations/{operation}/events")
    assert SHOWN["pan"].encode() in stream.body
    asked = worker.of(REVEALS)
    assert {envelope.caller.principal for envelope in asked if envelope.caller} == {client.principal}
    async with redis.from_url(redis_url) as kept:
        values = [await kept.dump(key) async for key in kept.scan_iter()]
    assert SHOWN["pan"] not in repr(values)


async def test_what_can_not_be_shown_now_is_shown_later(start: Start, join: Join, worker: Worker) -> None:
    worker.silent.add(f"{REVEALS}.v1")
    async with start(query_timeout_seconds=1.5) as gateway:
        client = join(gateway)
        accepted = await client.post("/v1/cards", WISH, key="one")
        assert (accepted.status, accepted.json["status"]) == (202, "pending")
        path = accepted.headers["Location"]
        assert (await client.get(path)).status == 503
        worker.silent.clear()
        assert (await client.get(path)).json["result"] == CARD | SHOWN


async def test_where_nothing_is_left_the_fields_stay_null(client: Client, worker: Worker) -> None:
    worker.on(REVEALS, {"values": {}})
    answer = await client.post("/v1/cards", WISH)
    assert (answer.status, answer.json) == (201, CARD)


async def test_nothing_is_asked_for_what_shows_nothing(client: Client, worker: Worker) -> None:
    worker.on("ledger.OpenWallet", {"id": "wal_1"})
    assert (await client.post("/v1/wallets", {"currency": "IDR"})).status == 201
    assert worker.of(REVEALS) == []
