"""Commands over HTTP: 202, waiting, polling, repeats and misuse."""

import asyncio

from contracts.ledger import InsufficientFunds
from tests.gateway.clients import Client
from tests.gateway.worker import Worker

DONE = {"id": "trf_1", "status": "completed"}


async def test_money_is_accepted_and_can_be_polled(client: Client, worker: Worker) -> None:
    answer = await client.transfer()
    assert answer.status == 202
    view = answer.json
    assert view.keys() == {"id", "type", "status", "created_at"}
    assert (view["type"], view["status"]) == ("transfers.RequestTransfer", "pending")
    assert answer.headers["Location"] == f"/v1/operations/{view['id']}"
    assert answer.headers["Retry-After"] == "1"
    assert "Preference-Applied" not in answer.headers

    poll = await client.get(answer.headers["Location"])
    assert (poll.status, poll.json["status"]) == (200, "pending")
    await worker.finish(view["id"], DONE)
    await asyncio.sleep(0.1)
    poll = await client.get(answer.headers["Location"])
    assert (poll.json["status"], poll.json["result"]) == ("succeeded", DONE)


async def test_money_waits_if_preferred(client: Client, worker: Worker) -> None:
    worker.on("transfers.RequestTransfer", DONE)
    answer = await client.transfer(prefer="wait=5")
    assert (answer.status, answer.json) == (201, DONE)
    assert answer.headers["Preference-Applied"] == "wait=5"
    assert answer.headers["Location"] == "/v1/transfers/trf_1"


async def test_a_refusal_is_the_answer(client: Client, worker: Worker) -> None:
    worker.on("transfers.RequestTransfer", InsufficientFunds())
    answer = await client.transfer(prefer="wait=5")
    assert (answer.status, answer.code) == (402, "insufficient_funds")
    assert answer.json["instance"].startswith("/v1/operations/op_")
