"""Operations: accepted at one gateway, waited for, polled and streamed at another."""

import asyncio
import json
from typing import Any

import pytest

from tests.people import OPERATION, Person, key


@pytest.fixture
async def wallets(ani: Person) -> tuple[str, str]:
    """Two of Ani's, one with money."""
    return await ani.open(funds=100_000), await ani.open()


async def test_an_accepted_operation_is_found_at_once_everywhere(ani: Person, wallets: tuple[str, str]) -> None:
    accepted = await ani.transfer(*wallets, 1, prefer=None)
    here, there = await asyncio.gather(*(ani.read(accepted.headers["Location"], at=at) for at in (0, 1)))
    for found in (here, there):
        assert found.keys() == OPERATION
        assert (found["id"], found["type"]) == (accepted.json["id"], "transfers.RequestTransfer")
        assert found["status"] in ("pending", "succeeded")


async def test_one_may_wait_at_another_gateway_than_one_asked(ani: Person, wallets: tuple[str, str]) -> None:
    slow = {"wallet_id": wallets[0], "amount": 14_008, "currency": "IDR", "method": "bca_virtual_account"}
    accepted = await ani.post("/v1/topups", slow, key=key())
    assert (accepted.status, accepted.json["status"]) == (202, "pending")
    pending = await ani.get(accepted.headers["Location"], at=1)
    assert (pending.status, pending.json["status"], pending.headers["Retry-After"]) == (200, "pending", "1")
    waited = await ani.get(accepted.headers["Location"], prefer="wait=20", at=1)
    assert waited.headers["Preference-Applied"] == "wait=20"
    assert (waited.status, waited.json["status"], waited.json["problem"]) == (200, "succeeded", None)
    assert waited.json["result"]["status"] == "succeeded"
    assert "Retry-After" not in waited.headers


async def test_a_wait_that_was_too_short_says_what_it_was(ani: Person, wallets: tuple[str, str]) -> None:
    slow = {"wallet_id": wallets[0], "amount": 14_008, "currency": "IDR", "method": "bca_virtual_account"}
    accepted = await ani.post("/v1/topups", slow, key=key(), prefer="wait=1")
    assert (accepted.status, accepted.headers["Preference-Applied"]) == (202, "wait=1")
    assert accepted.json["status"] == "pending"
    waited = await ani.get(accepted.headers["Location"], prefer="wait=0", at=1)
    assert (waited.json["status"], waited.headers["Preference-Applied"]) == ("pending", "wait=0")
    assert (await ani.outcome(accepted.json["id"]))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("wait=99", "wait=30"), ("wait=5", "wait=5"), ("respond-async, wait=20", "respond-async, wait=20")],
)
async def test_a_wait_is_bounded_and_told(ani: Person, wallets: tuple[str, str], prefer: str, applied: str) -> None:
    answer = await ani.transfer(*wallets, 1, prefer=prefer)
    assert (answer.status, answer.headers["Preference-Applied"]) == (201, applied)


@pytest.mark.parametrize("prefer", ["wait=soon", "wait=-1", "wait=1.5", "wait", "handling=strict", ";;;"])
async def test_what_is_no_preference_is_ignored(ani: Person, wallets: tuple[str, str], prefer: str) -> None:
    answer = await ani.transfer(*wallets, 1, prefer=prefer)
    assert answer.status == 202
    assert "Preference-Applied" not in answer.headers
    assert (await ani.outcome(answer.json["id"]))["status"] == "succeeded"


async def test_respond_async_is_202_whatever_the_speed(ani: Person, wallets: tuple[str, str]) -> None:
    answer = await ani.transfer(*wallets, 1, prefer="respond-async")
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "respond-async")


async def _events(person: Person, path: str) -> list[dict[str, Any]]:
    """The operations in a stream of server-sent events, until it ends."""
    headers = {"Authorization": f"Bearer {person.token}", "Accept": "text/event-stream"}
    async with person.http.get(person.gateways[1] + path, headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].partition(";")[0] == "text/event-stream"
        assert response.headers["X-Request-Id"]
        text = (await response.read()).decode()
    lines = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines]


async def test_an_operation_is_streamed_until_its_outcome(ani: Person, wallets: tuple[str, str]) -> None:
    accepted = await ani.top_up(wallets[0], 14_008, prefer=None)
    events = await asyncio.wait_for(_events(ani, f"{accepted.headers['Location']}/events"), 20)
    assert [event["status"] for event in events] == ["pending", "succeeded"]
    assert {event["id"] for event in events} == {accepted.json["id"]}
    assert events[-1] == await ani.read(accepted.headers["Location"])


async def test_the_stream_of_a_finished_operation_tells_and_ends(ani: Person, wallets: tuple[str, str]) -> None:
    accepted = await ani.transfer(*wallets, 5, prefer=None)
    done = await ani.outcome(accepted.json["id"])
    assert await asyncio.wait_for(_events(ani, f"{accepted.headers['Location']}/events"), 5) == [done]


async def test_an_operation_is_its_callers_alone(ani: Person, budi: Person, wallets: tuple[str, str]) -> None:
    accepted = await ani.transfer(*wallets, 5, prefer=None)
    await ani.outcome(accepted.json["id"])
    for path in (accepted.headers["Location"], f"{accepted.headers['Location']}/events"):
        for prefer in (None, "wait=1"):
            refused = await budi.get(path, prefer=prefer)
            assert (refused.status, refused.code) == (404, "not_found")


@pytest.mark.parametrize("name", ["op_unknown", "op_" + "0" * 34, "%00", "trf_1", "x" * 300])
async def test_an_operation_that_nobody_was_given_is_not_found(ani: Person, name: str) -> None:
    refused = await ani.get(f"/v1/operations/{name}")
    assert (refused.status, refused.code) == (404, "not_found")
    assert (await ani.get(f"/v1/operations/{name}/events")).status == 404


async def test_an_id_with_a_wrong_tag_is_not_found(ani: Person, wallets: tuple[str, str]) -> None:
    name = (await ani.transfer(*wallets, 5)).headers["X-Request-Id"]
    assert name
    accepted = await ani.transfer(*wallets, 5, prefer=None)
    forged = accepted.json["id"][:-1] + ("0" if accepted.json["id"][-1] != "0" else "1")
    assert (await ani.get(f"/v1/operations/{forged}")).status == 404


async def test_a_clients_request_id_comes_back(ani: Person) -> None:
    answer = await ani.get("/v1/auth/me", headers={"X-Request-Id": "mine-42"})
    assert answer.headers["X-Request-Id"] == "mine-42"
    refused = await ani.get("/v1/wallets/wal_no", headers={"X-Request-Id": "mine-43"})
    assert refused.headers["X-Request-Id"] == "mine-43"
    unusable = await ani.get("/v1/auth/me", headers={"X-Request-Id": "x" * 500})
    assert unusable.headers["X-Request-Id"] != "x" * 500
