"""Commands over HTTP: 202, waiting, polling, repeats and misuse."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from contracts.ledger import InsufficientFunds
from gateway.server import Gateway
from tests.gateway.clients import Client, transfer, until
from tests.gateway.conftest import Join, Start
from tests.gateway.worker import Worker

TRANSFER = "transfers.RequestTransfer"
DONE = {"id": "trf_1", "status": "completed"}
WALLET = {"id": "wal_1", "status": "active"}


@pytest.fixture
async def listener(start: Start, join: Join) -> AsyncIterator[Client]:
    """A client of a gateway that never asks: only word wakes those who wait."""
    async with start(ask_again_seconds=3600) as gateway:
        yield join(gateway)


async def eventually_heard(worker: Worker, type_: str, count: int = 1) -> None:
    await until(lambda: len(worker.of(type_)) >= count)


async def test_money_is_accepted_and_can_be_polled(client: Client, worker: Worker) -> None:
    answer = await client.transfer()
    assert answer.status == 202
    view = answer.json
    assert view.keys() == {"id", "type", "status", "created_at"}
    assert (view["type"], view["status"]) == (TRANSFER, "pending")
    assert answer.headers["Location"] == f"/v1/operations/{view['id']}"
    assert answer.headers["Retry-After"] == "1"
    assert "Preference-Applied" not in answer.headers

    poll = await client.get(answer.headers["Location"])
    assert (poll.status, poll.json["status"], poll.headers["Retry-After"]) == (200, "pending", "1")
    await worker.finish(view["id"], DONE)
    await asyncio.sleep(0.1)
    poll = await client.get(answer.headers["Location"])
    assert (poll.json["status"], poll.json["result"]) == ("succeeded", DONE)
    assert poll.json.keys() == {"id", "type", "status", "created_at", "completed_at", "result", "problem"}
    assert "Retry-After" not in poll.headers


async def test_a_202_says_pending_even_if_the_outcome_was_quick(client: Client, worker: Worker) -> None:
    worker.on(TRANSFER, DONE)
    for prefer in (None, "wait=0", "respond-async"):
        answer = await client.transfer(prefer=prefer)
        assert (answer.status, answer.json["status"]) == (202, "pending")
        assert answer.headers.get("Preference-Applied") == prefer


async def test_money_waits_if_preferred(client: Client, worker: Worker) -> None:
    worker.on(TRANSFER, DONE)
    answer = await client.transfer(prefer="wait=5")
    assert (answer.status, answer.json) == (201, DONE)
    assert answer.headers["Preference-Applied"] == "wait=5"
    assert answer.headers["Location"] == "/v1/transfers/trf_1"


async def test_an_outcome_that_comes_later_wakes_the_waiter(listener: Client, worker: Worker) -> None:
    waiting = asyncio.create_task(listener.transfer(prefer="wait=30"))
    await eventually_heard(worker, TRANSFER)
    await asyncio.sleep(0.05)
    await worker.finish(worker.of(TRANSFER)[0].id, DONE)
    assert (await asyncio.wait_for(waiting, 2.5)).status == 201


async def test_a_wait_that_was_not_enough(client: Client) -> None:
    began = time.monotonic()
    answer = await client.transfer(prefer="wait=1")
    assert 0.9 < time.monotonic() - began < 2
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "wait=1")


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=99", "wait=30"),
        ("wait=10000000000", "wait=30"),
        ("WAIT=7", "wait=7"),
        ('wait="7"', "wait=7"),
        ("foo, wait=7; x=y", "wait=7"),
        ("wait=7, wait=9", "wait=7"),
        ("wait=x", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait", None),
        ("", None),
    ],
)
async def test_preferences_are_clamped_or_ignored(
    client: Client, worker: Worker, prefer: str, applied: str | None
) -> None:
    worker.on(TRANSFER, DONE)
    answer = await client.transfer(prefer=prefer)
    assert answer.status == (201 if applied else 202)
    assert answer.headers.get("Preference-Applied") == applied


async def test_other_commands_wait_by_default(client: Client, worker: Worker) -> None:
    worker.on("ledger.OpenWallet", WALLET)
    answer = await client.post("/v1/wallets", {"currency": "EUR"})
    assert (answer.status, answer.json) == (201, WALLET)
    answer = await client.post("/v1/wallets", {"currency": "EUR"}, prefer="respond-async")
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "respond-async")
    worker.on("ledger.FreezeWallet", WALLET)
    assert (await client.post("/v1/wallets/wal_1/freeze")).status == 200
    worker.on("ledger.RenameWallet", WALLET)
    assert (await client.call("PATCH", "/v1/wallets/wal_1", {"label": None})).status == 200


async def test_other_commands_fall_back_to_202(start: Start, join: Join) -> None:
    async with start(default_wait_seconds=0.5) as gateway:
        answer = await join(gateway).post("/v1/wallets", {"currency": "EUR"})
        assert (answer.status, answer.json["type"]) == (202, "ledger.OpenWallet")


async def test_a_refusal_is_the_answer(client: Client, worker: Worker) -> None:
    worker.on(TRANSFER, InsufficientFunds())
    answer = await client.transfer(prefer="wait=5")
    assert (answer.status, answer.code) == (402, "insufficient_funds")
    operation = answer.json["instance"]
    assert operation.startswith("/v1/operations/op_")
    poll = await client.get(operation)
    assert (poll.json["status"], poll.json["problem"]["code"]) == ("failed", "insufficient_funds")
    assert poll.json["problem"] == answer.json


async def test_unknown_is_not_final(client: Client, worker: Worker) -> None:
    accepted = await client.transfer()
    name = accepted.json["id"]
    worker.operations[name].unknown = True
    poll = await client.get(f"/v1/operations/{name}", prefer="wait=1")
    assert (poll.json["status"], poll.headers["Preference-Applied"]) == ("unknown", "wait=1")
    await worker.finish(name, DONE)
    assert (await client.get(f"/v1/operations/{name}", prefer="wait=5")).json["status"] == "succeeded"


async def test_a_repeat_is_the_same_operation(client: Client, worker: Worker) -> None:
    first = await client.transfer("k1")
    again = await client.transfer("k1")
    assert "Idempotency-Replayed" not in first.headers
    assert (again.status, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert (again.json["id"], again.json["status"]) == (first.json["id"], "pending")
    await worker.finish(first.json["id"], DONE)
    again = await client.transfer("k1")
    assert (again.status, again.json["status"], again.json["result"]) == (202, "succeeded", DONE)
    again = await client.transfer("k1", prefer="wait=5")
    assert (again.status, again.json, again.headers["Idempotency-Replayed"]) == (201, DONE, "true")
    assert (await client.transfer("k1", prefer="wait=0")).status == 201
    assert (await client.transfer("k1", prefer="respond-async")).status == 202
    assert len(worker.operations) == 1


async def test_a_repeat_of_a_pending_operation_wakes_with_it(listener: Client, worker: Worker) -> None:
    first = await listener.transfer("k1")
    waiting = asyncio.create_task(listener.transfer("k1", prefer="wait=30"))
    await eventually_heard(worker, TRANSFER, 2)
    await asyncio.sleep(0.1)
    await worker.finish(first.json["id"], DONE)
    answer = await asyncio.wait_for(waiting, 2.5)
    assert (answer.status, answer.headers["Idempotency-Replayed"]) == (201, "true")


async def test_a_misused_key(client: Client, worker: Worker) -> None:
    worker.on(TRANSFER, DONE)
    first = await client.transfer("k1", prefer="wait=5")
    for prefer in (None, "wait=5", "respond-async"):
        misuse = await client.transfer("k1", prefer=prefer, amount=2)
        assert (misuse.status, misuse.code) == (422, "idempotency_key_reused")
        assert "Idempotency-Replayed" not in misuse.headers
    again = await client.transfer("k1", prefer="wait=5")
    assert (again.status, again.json) == (first.status, first.json)


async def test_a_misused_key_on_another_route(client: Client) -> None:
    await client.transfer("k1")
    misuse = await client.post("/v1/wallets", {"currency": "EUR"}, key="k1")
    assert (misuse.status, misuse.code) == (422, "idempotency_key_reused")


async def test_misuse_beside_a_waiter_leaves_it_alone(client: Client, worker: Worker) -> None:
    waiting = asyncio.create_task(client.transfer("k1", prefer="wait=10"))
    await eventually_heard(worker, TRANSFER)
    misuse = await client.transfer("k1", prefer="wait=10", amount=2)
    assert misuse.status == 422
    assert not waiting.done()
    await worker.finish(worker.of(TRANSFER)[0].id, DONE)
    assert (await waiting).status == 201


async def test_the_same_body_in_another_order_is_the_same(client: Client) -> None:
    await client.transfer("k1", metadata={"a": "1", "b": "2"})
    shuffled = dict(reversed(transfer(metadata={"b": "2", "a": "1"}, note=None).items()))
    again = await client.post("/v1/transfers", shuffled, key="k1")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert (await client.transfer("k1", metadata={"a": "2", "b": "2"})).status == 422


async def test_keys_belong_to_one_principal(gateway: Gateway, join: Join) -> None:
    ana, bob = join(gateway), join(gateway)
    first, second = await ana.transfer("k1"), await bob.transfer("k1", amount=2)
    assert first.json["id"] != second.json["id"]
    assert second.status == 202
    # Another token or session of the same person is the same principal.
    again = await join(gateway, subject=ana.principal).transfer("k1")
    assert again.json["id"] == first.json["id"]


async def test_keys_are_honoured_on_other_posts(client: Client, worker: Worker) -> None:
    worker.on("ledger.OpenWallet", WALLET)
    body = {"currency": "EUR"}
    await client.post("/v1/wallets", body, key="k1")
    again = await client.post("/v1/wallets", body, key="k1")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    await client.post("/v1/wallets", body)
    await client.post("/v1/wallets", body)
    assert len(worker.operations) == 3


async def test_other_peoples_operations_do_not_exist(gateway: Gateway, join: Join, worker: Worker) -> None:
    ana, bob, operator = join(gateway), join(gateway), join(gateway, roles=["operator"])
    worker.on(TRANSFER, DONE)
    done = (await ana.transfer()).headers["Location"]
    assert (await ana.get(done)).status == 200
    assert (await bob.get(done)).code == "not_found"
    assert (await bob.get(done + "/events")).status == 404
    assert (await operator.get(done)).json["status"] == "succeeded"


async def test_nobody_else_is_woken(start: Start, join: Join, worker: Worker) -> None:
    async with start(query_timeout_seconds=1) as gateway:
        ana, bob = join(gateway), join(gateway)
        worker.silent.add("operations.GetOperation.v1")
        accepted = await ana.transfer()
        waiting = asyncio.create_task(bob.get(accepted.headers["Location"], prefer="wait=5"))
        await asyncio.sleep(0.2)
        await worker.finish(accepted.json["id"], DONE)
        assert (await waiting).code == "busy"


@pytest.mark.parametrize("change", [slice(-1, None), slice(4, 5)])
async def test_a_made_up_operation_does_not_exist(client: Client, change: slice) -> None:
    name = (await client.transfer()).json["id"]
    letters = list(name)
    letters[change] = ["0" if letters[change] != ["0"] else "1"]
    assert (await client.get(f"/v1/operations/{''.join(letters)}")).code == "not_found"
    for nonsense in ("op_x", "x", "%00", "op_" + "0" * 100):
        assert (await client.get(f"/v1/operations/{nonsense}")).code == "not_found"


async def test_acceptance_is_waited_for_only_so_long(worker: Worker, start: Start, join: Join) -> None:
    async with start(query_timeout_seconds=1, acceptance_wait_seconds=0.25) as gateway:
        worker.muted = True
        client = join(gateway)
        began = time.monotonic()
        answer = await client.transfer("k1")
        assert 0.2 < time.monotonic() - began < 1
        assert (answer.status, answer.json["type"]) == (202, TRANSFER)
        # The workers don't know it, nor do they answer, but the id proves that it was given out.
        poll = await client.get(answer.headers["Location"])
        assert (poll.status, poll.json["status"], poll.json["type"]) == (200, "pending", TRANSFER)
        assert poll.json["created_at"] == answer.json["created_at"]
        stranger = await join(gateway).get(answer.headers["Location"])
        assert (stranger.status, stranger.code) == (503, "busy")


async def test_a_waiter_asks_the_workers_itself(client: Client, worker: Worker) -> None:
    accepted = await client.transfer()
    name = accepted.json["id"]
    waiting = asyncio.create_task(client.get(accepted.headers["Location"], prefer="wait=30"))
    await asyncio.sleep(0.1)
    # The answer is lost: known to the worker, never told.
    worker.operations[name].answer = DONE
    assert (await asyncio.wait_for(waiting, 2.5)).json["status"] == "succeeded"


async def test_long_polling(listener: Client, worker: Worker) -> None:
    accepted = await listener.transfer()
    waiting = asyncio.create_task(listener.get(accepted.headers["Location"], prefer="wait=30"))
    await asyncio.sleep(0.2)
    await worker.finish(accepted.json["id"], DONE)
    answer = await asyncio.wait_for(waiting, 2.5)
    assert (answer.status, answer.json["status"]) == (200, "succeeded")
    assert answer.headers["Preference-Applied"] == "wait=30"
