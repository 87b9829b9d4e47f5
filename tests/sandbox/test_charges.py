"""A key makes one charge, whatever happens around it."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from tests.sandbox.conftest import Provider, running
from tests.system import eventually


async def test_a_charge_succeeds_and_can_be_looked_up(provider: Provider) -> None:
    status, charge = await provider.charge("k1")
    assert status == 201
    assert charge["status"] == "succeeded"
    assert "decline_code" not in charge
    async with provider.http.get(f"/v1/charges/{charge['id']}") as answer:
        assert await answer.json() == charge
    assert await provider.charges(reference="top_1") == {"data": [charge], "has_more": False, "next": None}


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (4002, "insufficient_funds"),
        (54_002, "insufficient_funds"),
        (4003, "do_not_honor"),
        (124_004, "expired_card"),
        (4005, "suspected_fraud"),
    ],
)
async def test_the_amount_declines(provider: Provider, amount: int, code: str) -> None:
    status, charge = await provider.charge("k1", amount)
    assert (status, charge["status"], charge["decline_code"]) == (201, "declined", code)


@pytest.mark.parametrize("amount", [1, 4001, 40_020, 10**15])
async def test_other_amounts_succeed(provider: Provider, amount: int) -> None:
    _, charge = await provider.charge("k1", amount)
    assert (charge["status"], charge["amount"]) == ("succeeded", amount)


async def test_a_repeat_answers_the_stored_charge(provider: Provider) -> None:
    _, first = await provider.charge("k1")
    body = {"currency": "IDR", "amount": 125_000, "method": "bank_transfer", "reference": "top_1"}
    async with provider.http.post("/v1/charges", json=body, headers={"Idempotency-Key": '"k1"'}) as answer:
        assert answer.status == 200
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert await answer.json() == first


@pytest.mark.parametrize(
    "change", [{"amount": 125_001}, {"reference": "top_2"}, {"method": "card"}, {"currency": "USD"}]
)
async def test_another_body_under_the_same_key_is_refused(provider: Provider, change: dict[str, object]) -> None:
    _, first = await provider.charge("k1")
    status, problem = await provider.charge("k1", **{"amount": 125_000} | change)  # type: ignore[arg-type]
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert (await provider.charges())["data"] == [first]


async def test_one_key_at_the_same_time_makes_one_charge(provider: Provider) -> None:
    answers = await asyncio.gather(*(provider.charge("k1") for _ in range(50)))
    assert sorted(status for status, _ in answers) == [200] * 49 + [201]
    assert len({str(charge["id"]) for _, charge in answers}) == 1
    assert len((await provider.charges())["data"]) == 1  # type: ignore[arg-type]


async def test_one_key_at_the_same_time_with_different_bodies_makes_one_charge(provider: Provider) -> None:
    answers = await asyncio.gather(*(provider.charge("k1", amount) for amount in range(1, 21)))
    assert sorted(status for status, _ in answers) == [201] + [422] * 19
    assert len((await provider.charges())["data"]) == 1  # type: ignore[arg-type]


async def test_two_processes_on_one_file_make_one_charge(store_path: Path) -> None:
    async with running(store_path) as one, running(store_path) as other:
        answers = await asyncio.gather(*(which.charge("k1") for which in (one, other) * 10))
    assert sorted(status for status, _ in answers) == [200] * 19 + [201]
    assert len({str(charge["id"]) for _, charge in answers}) == 1


async def charged(provider: Provider) -> bool:
    return bool((await provider.charges())["data"])


async def test_a_slow_answer_belongs_to_a_charge_that_exists_already(store_path: Path) -> None:
    async with running(store_path, slow_answer_seconds=60, shutdown_timeout_seconds=1) as provider:
        asking = asyncio.create_task(provider.charge("k1", 4008))
        await eventually("it is there", 20, lambda: charged(provider))
        asking.cancel()
        async with asyncio.timeout(20):
            status, charge = await provider.charge("k1", 4008)
        assert (status, charge["status"]) == (200, "succeeded")
        assert (await provider.charges(reference="top_1"))["data"] == [charge]


async def test_a_slow_answer_arrives_in_the_end(provider: Provider) -> None:
    began = time.perf_counter()
    status, charge = await provider.charge("k1", 4008)
    assert time.perf_counter() - began >= 0.5
    assert (status, charge["status"]) == (201, "succeeded")


async def test_two_failures_and_then_success(provider: Provider) -> None:
    for _ in range(2):
        status, problem = await provider.charge("k1", 4009)
        assert (status, problem["code"]) == (500, "internal_error")
        assert (await provider.charges())["data"] == []
    statuses = [(await provider.charge("k1", 4009))[0] for _ in range(2)]
    assert statuses == [201, 200]


async def test_a_reused_key_is_refused_between_failures_too(provider: Provider) -> None:
    await provider.charge("k1", 4009)
    assert (await provider.charge("k1", 14_009))[0] == 422
    assert [(await provider.charge("k1", 4009))[0] for _ in range(2)] == [500, 201]


async def test_charges_survive_a_restart(store_path: Path) -> None:
    async with running(store_path) as before:
        _, first = await before.charge("k1")
    async with running(store_path) as after:
        assert await after.charge("k1") == (200, first)
        assert (await after.charges())["data"] == [first]


async def test_lists_are_paged_newest_first(provider: Provider) -> None:
    ids = [(await provider.charge(f"k{n}", reference=f"top_{n % 2}"))[1]["id"] for n in range(5)]
    seen, query = [], {"limit": "2"}
    while True:
        page = await provider.charges(**query)
        seen += [charge["id"] for charge in page["data"]]  # type: ignore[attr-defined]
        if not page["has_more"]:
            break
        query["after"] = str(page["next"])
    assert seen == ids[::-1]
    odd = await provider.charges(reference="top_1")
    assert [charge["id"] for charge in odd["data"]] == [ids[3], ids[1]]  # type: ignore[attr-defined]


async def test_the_store_is_a_write_ahead_log(provider: Provider, store_path: Path) -> None:
    await provider.charge("k1")
    connection = sqlite3.connect(store_path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
