"""Top-ups through the provider: the money, the refusals, the provider's bad days."""

import pytest

from tests.journeys.conftest import Meet
from tests.people import RFC_3339_UTC, Answer, Person, key


async def test_the_methods_are_listed_with_their_bounds_and_fees(ani: Person) -> None:
    methods = (await ani.read("/v1/topup-methods"))["data"]
    assert {"IDR", "EUR", "USD"} <= {method["currency"] for method in methods}
    for method in methods:
        assert method.keys() >= {"id", "name", "currency", "min_amount", "max_amount", "fee"}
        assert 1 <= method["min_amount"] < method["max_amount"]
        assert method["fee"] >= 0


async def test_a_top_up_is_accepted_polled_elsewhere_and_credited(ani: Person) -> None:
    wallet = await ani.open()
    accepted = await ani.top_up(wallet, 250_000, prefer=None, fields={"metadata": {"order": "7"}})
    assert accepted.status == 202
    assert accepted.json["type"] == "topups.RequestTopUp"
    done = await ani.outcome(accepted.json["id"], at=1)
    assert (done["status"], done["problem"]) == ("succeeded", None)
    topup = done["result"]
    assert topup["id"].startswith("top_")
    expected = {"status": "succeeded", "wallet_id": wallet, "amount": 250_000, "currency": "IDR"}
    assert expected.items() <= topup.items()
    assert (topup["method"], topup["metadata"]) == ("bca_virtual_account", {"order": "7"})
    assert RFC_3339_UTC.fullmatch(topup["created_at"])
    assert await ani.read(f"/v1/topups/{topup['id']}") == topup
    assert await ani.balance(wallet) == (250_000, 0, 250_000)


async def test_waiting_brings_the_top_up_itself(ani: Person) -> None:
    wallet = await ani.open("EUR")
    answer = await ani.top_up(wallet, 1_234, "EUR", at=1)
    assert answer.status == 201
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.headers["Location"] == f"/v1/topups/{answer.json['id']}"
    assert answer.json["status"] == "succeeded"
    assert await ani.balance(wallet) == (1_234, 0, 1_234)


@pytest.mark.parametrize("amount", [14_002, 14_003, 14_004, 14_005])
async def test_a_top_up_that_the_provider_declines_exists_as_failed(ani: Person, amount: int) -> None:
    wallet = await ani.open()
    refused = await ani.top_up(wallet, amount)
    assert (refused.status, refused.code) == (402, "declined")
    assert refused.headers["Preference-Applied"] == "wait=20"
    [topup] = await ani.listed("/v1/topups")
    assert (topup["status"], topup["failure"]["code"]) == ("failed", "declined")
    assert await ani.balance(wallet) == (0, 0, 0)
    assert await ani.listed(f"/v1/wallets/{wallet}/movements") == []


async def test_a_declined_top_up_that_nobody_waited_for_is_a_failed_operation(ani: Person) -> None:
    wallet = await ani.open()
    accepted = await ani.top_up(wallet, 14_002, prefer=None)
    failed = await ani.outcome(accepted.json["id"])
    assert failed["status"] == "failed"
    assert failed["result"]["status"] == "failed"
    assert (failed["problem"]["code"], failed["problem"]["status"]) == ("declined", 402)


async def test_a_provider_that_fails_twice_charges_once(ani: Person) -> None:
    wallet = await ani.open()
    answer = await ani.top_up(wallet, 14_009, prefer=None)
    done = await ani.outcome(answer.json["id"])
    assert done["status"] == "succeeded"
    assert await ani.balance(wallet) == (14_009, 0, 14_009)
    assert len(await ani.listed(f"/v1/wallets/{wallet}/movements")) == 1


async def test_a_slow_provider_holds_up_nobody_else(ani: Person, meet: Meet) -> None:
    slow, wallet = await ani.open(), await ani.open()
    accepted = await ani.top_up(slow, 14_008, prefer=None)
    other = await (await meet()).open(funds=1)
    assert other
    assert (await ani.top_up(wallet, 500)).status == 201
    assert (await ani.outcome(accepted.json["id"]))["status"] == "succeeded"
    assert await ani.balance(slow) == (14_008, 0, 14_008)


async def test_top_ups_are_listed_newest_first_in_pages_and_filtered(ani: Person) -> None:
    wallet, other = await ani.open(), await ani.open()
    made = [(await ani.top_up(wallet, amount)).json["id"] for amount in (100, 200, 300)]
    assert (await ani.top_up(other, 14_002)).status == 402
    everything = await ani.listed("/v1/topups")
    assert [one["id"] for one in everything[1:]] == made[::-1]
    page = await ani.read("/v1/topups?limit=2")
    rest = await ani.read(f"/v1/topups?limit=2&after={page['next']}", at=1)
    assert [*page["data"], *rest["data"]] == everything
    assert [one["wallet_id"] for one in await ani.listed("/v1/topups?status=failed")] == [other]
    assert [one["id"] for one in await ani.listed(f"/v1/topups?wallet_id={wallet}")] == made[::-1]
    assert len(await ani.listed("/v1/topups?created_from=2020-01-01T00:00:00Z&created_to=2099-01-01T00:00:00Z")) == 4


async def test_no_provider_is_asked_for_a_wallet_that_cannot_receive(ani: Person) -> None:
    frozen, closed, euro = await ani.open(), await ani.open(), await ani.open("EUR")
    await ani.post(f"/v1/wallets/{frozen}/freeze")
    await ani.post(f"/v1/wallets/{closed}/close")
    _expect(await ani.top_up(frozen, 100), 403, "wallet_frozen")
    _expect(await ani.top_up(closed, 100), 403, "wallet_closed")
    _expect(await ani.top_up(euro, 100, "IDR"), 422, "currency_mismatch")
    _expect(await ani.top_up("wal_unknown", 100), 404, "not_found")
    for wallet in (frozen, closed, euro):
        assert await ani.balance(wallet) == (0, 0, 0)


async def test_nobody_tops_up_somebody_elses_wallet(ani: Person, budi: Person) -> None:
    wallet = await budi.open()
    _expect(await ani.top_up(wallet, 100), 404, "not_found")
    assert await budi.balance(wallet) == (0, 0, 0)
    assert await budi.listed("/v1/topups") == []


async def test_a_method_must_be_one_of_the_wallets_currency(ani: Person) -> None:
    wallet = await ani.open()
    for method in ("sepa_transfer", "no_such_method"):
        refused = await ani.top_up(wallet, 100, fields={"method": method})
        assert refused.status == 422
    assert await ani.listed("/v1/topups") == []


@pytest.mark.parametrize("change", [{"method": None}, {"metadata": {"a": 1}}, {"status": "succeeded"}, {"amount": 0}])
async def test_a_top_up_that_is_none_is_refused_and_keeps_the_key_free(ani: Person, change: dict[str, object]) -> None:
    wallet, mine = await ani.open(), key()
    refused = await ani.top_up(wallet, 100, key=mine, fields=change)
    _expect(refused, 422, "validation_failed")
    assert (await ani.top_up(wallet, 100, key=mine)).status == 201
    assert await ani.balance(wallet) == (100, 0, 100)


async def test_a_top_up_repeated_is_one_top_up(ani: Person) -> None:
    wallet, mine = await ani.open(), key()
    first = await ani.top_up(wallet, 900, key=mine)
    again = await ani.top_up(wallet, 900, key=mine, at=1)
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await ani.balance(wallet) == (900, 0, 900)


def _expect(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer
