"""Transfers that are refused: each reason with its status and code, and nothing moved."""

import pytest

from tests.people import Answer, Json, Person, key, order

BAD_AMOUNTS = ["0", "-1", "1.0", '"1"', "1e3", "true", "null", "[]", str(10**15 + 1), "99999999999999999999999"]


def _expect(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer


async def _failed(person: Person) -> list[str]:
    return [one["failure"]["code"] for one in await person.listed("/v1/transfers?status=failed")]


async def test_more_than_there_is_is_insufficient_funds(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=100), await budi.open()
    _expect(await ani.transfer(mine, theirs, 101), 402, "insufficient_funds")
    assert (await ani.balance(mine), await budi.balance(theirs)) == ((100, 0, 100), (0, 0, 0))
    assert await _failed(ani) == ["insufficient_funds"]


async def test_a_refused_transfer_that_nobody_waited_for_is_a_failed_operation(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(), await budi.open()
    accepted = await ani.transfer(mine, theirs, 1, prefer=None)
    assert accepted.status == 202
    failed = await ani.outcome(accepted.json["id"], at=1)
    assert failed["status"] == "failed"
    assert failed["result"]["status"] == "failed"
    assert (failed["problem"]["status"], failed["problem"]["code"]) == (402, "insufficient_funds")


async def test_nobody_sends_to_the_same_wallet(ani: Person) -> None:
    mine = await ani.open(funds=100)
    _expect(await ani.transfer(mine, mine, 50), 422, "self_transfer")
    assert await ani.listed("/v1/transfers") == []
    _expect(await ani.transfer(mine, ani.email, 50), 422, "self_transfer")
    assert await ani.balance(mine) == (100, 0, 100)
    assert len(await ani.listed(f"/v1/wallets/{mine}/movements")) == 1


async def test_currencies_must_match_at_both_ends(ani: Person, budi: Person) -> None:
    rupiah, euro, theirs = await ani.open(funds=100), await ani.open("EUR", funds=100), await budi.open()
    _expect(await ani.transfer(rupiah, theirs, 10, "EUR"), 422, "currency_mismatch")
    _expect(await ani.transfer(euro, theirs, 10, "EUR"), 422, "currency_mismatch")
    _expect(await ani.transfer(euro, theirs, 10, "IDR"), 422, "currency_mismatch")
    assert await ani.balance(rupiah) == await ani.balance(euro) == (100, 0, 100)
    assert await budi.balance(theirs) == (0, 0, 0)


@pytest.mark.parametrize("side", ["source", "destination"])
async def test_nothing_leaves_or_reaches_a_frozen_wallet(ani: Person, budi: Person, side: str) -> None:
    mine, theirs = await ani.open(funds=100), await budi.open()
    owner, wallet = (ani, mine) if side == "source" else (budi, theirs)
    await owner.post(f"/v1/wallets/{wallet}/freeze")
    _expect(await ani.transfer(mine, theirs, 10), 403, "wallet_frozen")
    assert (await ani.balance(mine), await budi.balance(theirs)) == ((100, 0, 100), (0, 0, 0))
    await owner.post(f"/v1/wallets/{wallet}/unfreeze")
    assert (await ani.transfer(mine, theirs, 10)).status == 201


@pytest.mark.parametrize("side", ["source", "destination"])
async def test_nothing_leaves_or_reaches_a_closed_wallet(ani: Person, budi: Person, side: str) -> None:
    mine, theirs = await ani.open(funds=100 if side == "destination" else 0), await budi.open()
    owner, wallet = (ani, mine) if side == "source" else (budi, theirs)
    assert (await owner.post(f"/v1/wallets/{wallet}/close")).status == 200
    _expect(await ani.transfer(mine, theirs, 10), 403, "wallet_closed")
    assert await _failed(ani) == ["wallet_closed"]


async def test_somebody_elses_wallet_is_not_there_to_send_from(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(), await budi.open(funds=100)
    _expect(await ani.transfer(theirs, mine, 10), 404, "not_found")
    assert (await ani.balance(mine), await budi.balance(theirs)) == ((0, 0, 0), (100, 0, 100))
    assert await budi.listed("/v1/transfers") == []


@pytest.mark.parametrize("to", ["wal_unknown", "nobody@example.com", "clearing:IDR:00"])
async def test_a_receiver_who_is_not_there_is_not_found(ani: Person, to: str) -> None:
    mine = await ani.open(funds=100)
    answer = await ani.transfer(mine, to, 10)
    assert answer.status == (422 if ":" in to else 404), answer
    assert await ani.balance(mine) == (100, 0, 100)


async def test_an_unknown_source_is_not_found(ani: Person, budi: Person) -> None:
    _expect(await ani.transfer("wal_unknown", await budi.open(), 10), 404, "not_found")


async def test_a_receiver_without_a_wallet_in_the_currency_is_not_found(ani: Person, budi: Person) -> None:
    mine = await ani.open(funds=100)
    await budi.open("EUR")
    _expect(await ani.transfer(mine, budi.email, 10), 404, "not_found")
    assert await ani.balance(mine) == (100, 0, 100)


async def test_money_on_its_way_cannot_be_spent_twice(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=100), await budi.open()
    sent = [await ani.transfer(mine, theirs, 60, prefer=None) for _ in range(2)]
    statuses = [(await ani.outcome(one.json["id"]))["status"] for one in sent]
    assert sorted(statuses) == ["failed", "succeeded"]
    assert await ani.balance(mine) == (40, 0, 40)


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
async def test_an_amount_that_is_none_is_refused(ani: Person, amount: str) -> None:
    mine, other, same = await ani.open(funds=100), await ani.open(), key()
    written = str(order(mine, other, "AMOUNT")).replace("'AMOUNT'", amount).replace("'", '"')
    refused = await ani.post("/v1/transfers", written.encode(), key=same, prefer="wait=20")
    _expect(refused, 422, "validation_failed")
    assert [error["pointer"] for error in refused.json["errors"]] == ["/amount"]
    assert await ani.listed("/v1/transfers") == []
    assert (await ani.transfer(mine, other, 100, key=same)).status == 201


@pytest.mark.parametrize(
    "change",
    [
        {"source": {}},
        {"source": {"wallet_id": 7}},
        {"source": "wal_a"},
        {"destination": {}},
        {"destination": {"wallet_id": "wal_a", "email": "a@example.com"}},
        {"destination": {"email": "not an address"}},
        {"currency": "XXX"},
        {"note": "x" * 501},
        {"metadata": {"k": 1}},
        {"metadata": {"k" * 41: "v"}},
        {"metadata": {str(number): "v" for number in range(21)}},
        {"sender": "usr_other"},
        {"status": "completed"},
    ],
    ids=str,
)
async def test_a_transfer_that_is_none_leaves_no_trace(ani: Person, change: dict[str, Json]) -> None:
    mine, other = await ani.open(funds=100), await ani.open()
    _expect(await ani.transfer(mine, other, 10, fields=change), 422, "validation_failed")
    assert await ani.listed("/v1/transfers") == []
    assert await ani.balance(mine) == (100, 0, 100)
