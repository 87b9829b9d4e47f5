"""Idempotency keys: a repeat is the same operation, at whichever gateway; another use of the key is none."""

import asyncio

import pytest

from tests.people import Person, key, order


@pytest.fixture
async def wallets(ani: Person) -> tuple[str, str]:
    """Two of Ani's, one with money."""
    return await ani.open(funds=100_000), await ani.open()


async def test_a_repeat_is_the_same_operation_at_both_gateways(ani: Person, wallets: tuple[str, str]) -> None:
    mine = key()
    first = await ani.transfer(*wallets, 700, key=mine, prefer=None)
    assert "Idempotency-Replayed" not in first.headers
    done = await ani.outcome(first.json["id"])
    for at in (0, 1):
        again = await ani.transfer(*wallets, 700, key=mine, prefer=None, at=at)
        assert (again.status, again.json["id"]) == (202, first.json["id"])
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json["status"] == "succeeded"
        waited = await ani.transfer(*wallets, 700, key=mine, at=at)
        assert (waited.status, waited.json) == (201, done["result"])
        assert waited.headers["Idempotency-Replayed"] == "true"
        assert waited.headers["Preference-Applied"] == "wait=20"
    assert await ani.balance(wallets[0]) == (99_300, 0, 99_300)
    assert len(await ani.listed("/v1/transfers")) == 1


async def test_a_repeated_refusal_is_the_same_refusal(ani: Person, wallets: tuple[str, str]) -> None:
    mine = key()
    first = await ani.transfer(*wallets, 100_001, key=mine)
    await ani.top_up(wallets[0], 100_000)
    again = await ani.transfer(*wallets, 100_001, key=mine, at=1)
    assert (first.status, again.status, again.code) == (402, 402, "insufficient_funds")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await ani.listed("/v1/transfers")) == 1


async def test_the_order_of_a_bodys_members_does_not_matter(ani: Person, wallets: tuple[str, str]) -> None:
    mine = key()
    body = order(*wallets, 5) | {"metadata": {"a": "1", "b": "2"}, "note": None}
    turned = dict(reversed(body.items())) | {"metadata": {"b": "2", "a": "1"}}
    del turned["note"]
    first = await ani.post("/v1/transfers", body, key=mine, prefer="wait=20")
    again = await ani.post("/v1/transfers", turned, key=mine, prefer="wait=20")
    assert (first.status, again.status, again.json) == (201, 201, first.json)


async def test_to_say_null_is_not_to_say_nothing(ani: Person) -> None:
    path, mine = f"/v1/cards/{(await ani.issue(await ani.open(), label='Old'))['id']}", key()
    assert (await ani.call("PATCH", path, {}, key=mine)).json["label"] == "Old"
    other = await ani.call("PATCH", path, {"label": None}, key=mine)
    assert (other.status, other.code) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("change", [{"amount": 6}, {"note": "other"}, {"metadata": {"k": "v"}}], ids=str)
@pytest.mark.parametrize("prefer", [None, "wait=20"])
async def test_a_key_with_another_body_is_misuse(
    ani: Person, wallets: tuple[str, str], change: dict[str, object], prefer: str | None
) -> None:
    mine = key()
    first = await ani.transfer(*wallets, 5, key=mine)
    for at in (0, 1):
        misused = await ani.transfer(*wallets, 5, key=mine, fields=change, prefer=prefer, at=at)
        assert (misused.status, misused.code) == (422, "idempotency_key_reused")
    again = await ani.transfer(*wallets, 5, key=mine)
    assert (again.status, again.json) == (201, first.json)
    assert len(await ani.listed("/v1/transfers")) == 1


async def test_a_key_is_one_across_all_routes(ani: Person, wallets: tuple[str, str]) -> None:
    mine = key()
    assert (await ani.transfer(*wallets, 5, key=mine)).status == 201
    topped = await ani.top_up(wallets[0], 5, key=mine)
    assert (topped.status, topped.code) == (422, "idempotency_key_reused")
    opened = await ani.post("/v1/wallets", {"currency": "IDR"}, key=mine, at=1)
    assert (opened.status, opened.code) == (422, "idempotency_key_reused")
    assert len(await ani.listed("/v1/wallets")) == 2


async def test_the_same_key_of_two_people_is_two_keys(ani: Person, budi: Person, wallets: tuple[str, str]) -> None:
    mine, theirs = key(), await budi.open(funds=10)
    first = await ani.transfer(*wallets, 5, key=mine, prefer=None)
    second = await budi.transfer(theirs, wallets[1], 5, key=mine, prefer=None)
    assert first.json["id"] != second.json["id"]
    assert "Idempotency-Replayed" not in second.headers
    assert (await budi.outcome(second.json["id"]))["status"] == "succeeded"


async def test_a_key_is_the_same_quoted_or_bare_and_in_a_new_session(ani: Person, wallets: tuple[str, str]) -> None:
    mine = key()
    first = await ani.transfer(*wallets, 5, key=mine)
    ani.token = (await ani.log_in(at=1))["access_token"]
    again = await ani.transfer(*wallets, 5, key=f'"{mine}"', at=1)
    assert (again.status, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("path", ["/v1/transfers", "/v1/topups"])
async def test_money_moves_only_under_a_key(ani: Person, wallets: tuple[str, str], path: str) -> None:
    topup = {"wallet_id": wallets[0], "amount": 5, "currency": "IDR", "method": "bca_virtual_account"}
    body = order(*wallets, 5) if path == "/v1/transfers" else topup
    refused = await ani.post(path, body, prefer="wait=20")
    assert (refused.status, refused.code) == (400, "idempotency_key_missing")
    assert await ani.listed("/v1/transfers") == []
    assert await ani.balance(wallets[0]) == (100_000, 0, 100_000)


@pytest.mark.parametrize("bad", ["", '""', "x" * 256, f'"{"x" * 256}"', '"a"b"', '"unclosed', "tab\there", "café"])
async def test_a_key_that_is_none_is_refused(ani: Person, wallets: tuple[str, str], bad: str) -> None:
    refused = await ani.transfer(*wallets, 5, key=bad)
    assert refused.status == 400, refused
    assert refused.code in ("idempotency_key_invalid", "idempotency_key_missing"), refused
    assert await ani.listed("/v1/transfers") == []


@pytest.mark.parametrize("good", ["x" * 255, "a key with spaces", "~!@#$%^&*()_+{}|:<>?`-=[];',./", "0"])
async def test_any_printable_key_will_do(ani: Person, wallets: tuple[str, str], good: str) -> None:
    assert (await ani.transfer(*wallets, 5, key=good)).status == 201
    again = await ani.transfer(*wallets, 5, key=good, at=1)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_hundred_repeats_at_once_are_one_transfer(ani: Person, wallets: tuple[str, str]) -> None:
    mine = key()
    answers = await asyncio.gather(
        *(ani.transfer(*wallets, 1_000, key=mine, prefer=("wait=20", None)[n % 2], at=n // 50) for n in range(100))
    )
    assert {answer.status for answer in answers} == {201, 202}
    assert len({answer.json["id"] for answer in answers if answer.status == 201}) == 1
    assert len({answer.json["id"] for answer in answers if answer.status == 202}) == 1
    replayed = [answer for answer in answers if answer.headers.get("Idempotency-Replayed") == "true"]
    assert len(replayed) == 99
    assert await ani.balance(wallets[0]) == (99_000, 0, 99_000)
    assert len(await ani.listed("/v1/transfers")) == 1


async def test_of_two_bodies_under_one_key_at_once_one_counts(ani: Person, wallets: tuple[str, str]) -> None:
    mine = key()
    answers = await asyncio.gather(*(ani.transfer(*wallets, 1 + n % 2, key=mine, at=n % 2) for n in range(40)))
    statuses = [answer.status for answer in answers]
    assert sorted(set(statuses)) == [201, 422]
    assert {answer.code for answer in answers if answer.status == 422} == {"idempotency_key_reused"}
    [moved] = {answer.json["amount"] for answer in answers if answer.status == 201}
    assert await ani.balance(wallets[0]) == (100_000 - moved, 0, 100_000 - moved)


async def test_of_two_routes_under_one_key_at_once_one_counts(ani: Person, wallets: tuple[str, str]) -> None:
    funds = 100_000
    for _ in range(10):
        mine, opened = key(), len(await ani.listed("/v1/wallets"))
        moved, made = await asyncio.gather(
            ani.transfer(*wallets, 700, key=mine, at=0),
            ani.post("/v1/wallets", {"currency": "IDR"}, key=mine, at=0),
        )
        assert sorted((moved.status, made.status)) == [201, 422], (moved, made)
        refused = moved if moved.status == 422 else made
        assert refused.code == "idempotency_key_reused"
        funds -= 700 if moved.status == 201 else 0
        assert await ani.balance(wallets[0]) == (funds, 0, funds)
        assert len(await ani.listed("/v1/wallets")) == opened + (made.status == 201)
