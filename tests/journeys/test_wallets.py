"""Wallets: opened, listed, renamed, frozen and closed, at whichever gateway."""

import pytest

from tests.journeys.conftest import Meet
from tests.people import RFC_3339_UTC, Person, key


async def test_an_opened_wallet_is_there_at_once_at_another_gateway(ani: Person) -> None:
    opened = await ani.post("/v1/wallets", {"currency": "IDR", "label": "Rent"})
    assert opened.status == 201
    wallet = opened.json
    assert wallet["id"].startswith("wal_")
    assert opened.headers["Location"] == f"/v1/wallets/{wallet['id']}"
    assert (wallet["currency"], wallet["label"], wallet["status"]) == ("IDR", "Rent", "active")
    assert wallet["balance"] == {"posted": 0, "held": 0, "available": 0}
    assert RFC_3339_UTC.fullmatch(wallet["created_at"])
    assert await ani.read(f"/v1/wallets/{wallet['id']}", at=1) == wallet


async def test_a_label_is_optional(ani: Person) -> None:
    opened = await ani.post("/v1/wallets", {"currency": "EUR"})
    assert (opened.status, opened.json["label"]) == (201, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"currency": "XXX"},
        {"currency": "idr"},
        {"currency": 360},
        {"currency": "IDR", "label": 1},
        {"currency": "IDR", "label": "x" * 101},
        {"currency": "IDR", "label": "bell\u0007"},
        {"currency": "IDR", "owner": "usr_somebody"},
        {"currency": "IDR", "balance": {"posted": 100}},
    ],
    ids=str,
)
async def test_a_wallet_that_is_none_is_not_opened(ani: Person, body: dict[str, object]) -> None:
    refused = await ani.post("/v1/wallets", body)
    assert (refused.status, refused.code) == (422, "validation_failed")
    assert await ani.listed("/v1/wallets") == []


async def test_wallets_are_listed_newest_first_in_pages(ani: Person) -> None:
    opened = [await ani.open(currency) for currency in ("IDR", "EUR", "USD", "IDR", "EUR")]
    first = await ani.read("/v1/wallets?limit=2")
    assert (first["has_more"], [wallet["id"] for wallet in first["data"]]) == (True, opened[:2:-1])
    second = await ani.read(f"/v1/wallets?limit=2&after={first['next']}", at=1)
    assert (second["has_more"], [wallet["id"] for wallet in second["data"]]) == (True, opened[2:0:-1])
    third = await ani.read(f"/v1/wallets?limit=2&after={second['next']}")
    assert [wallet["id"] for wallet in third["data"]] == opened[:1]
    assert (third["has_more"], third["next"]) == (False, None)
    everything = await ani.read("/v1/wallets")
    assert [wallet["id"] for wallet in everything["data"]] == opened[::-1]


async def test_a_page_that_ends_with_the_list_says_so(ani: Person) -> None:
    await ani.open()
    page = await ani.read("/v1/wallets?limit=1")
    assert (len(page["data"]), page["has_more"], page["next"]) == (1, False, None)


async def test_a_list_holds_twenty_unless_asked(ani: Person) -> None:
    for _ in range(21):
        await ani.open()
    page = await ani.read("/v1/wallets")
    assert (len(page["data"]), page["has_more"]) == (20, True)
    assert len((await ani.read("/v1/wallets?limit=100"))["data"]) == 21


async def test_wallets_are_filtered_by_status_and_currency(ani: Person) -> None:
    rupiah, euro = await ani.open("IDR"), await ani.open("EUR")
    await ani.post(f"/v1/wallets/{euro}/freeze")
    assert [one["id"] for one in await ani.listed("/v1/wallets?currency=IDR")] == [rupiah]
    assert [one["id"] for one in await ani.listed("/v1/wallets?status=frozen")] == [euro]
    assert await ani.listed("/v1/wallets?status=closed") == []
    assert await ani.listed("/v1/wallets?created_to=2020-01-01T00:00:00Z") == []
    assert len(await ani.listed("/v1/wallets?created_from=2020-01-01T00:00:00Z")) == 2


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=1.0",
        "limit=",
        "after=nonsense",
        "after=%00",
        "after=WyIyMDI2LTExLTI4IiwgIngiXQ",
        "after=WyIyMDI2LTExLTI4VDIxOjIwOjE4IiwgIngiXQ",
        "created_from=9999-12-31T23:59:59-14:00",
        "created_to=0001-01-01T00:00:00%2B14:00",
        "status=rich",
        "currency=XXX",
        "colour=red",
        "created_from=yesterday",
        "limit=1&limit=2",
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(ani: Person, query: str) -> None:
    refused = await ani.get(f"/v1/wallets?{query}")
    assert refused.status == 422, refused


async def test_a_wallet_is_renamed_and_keeps_the_rest(ani: Person) -> None:
    wallet = await ani.open(label="Old")
    before = await ani.read(f"/v1/wallets/{wallet}")
    renamed = await ani.call("PATCH", f"/v1/wallets/{wallet}", {"label": "New"})
    assert (renamed.status, renamed.json) == (200, before | {"label": "New"})
    assert await ani.read(f"/v1/wallets/{wallet}", at=1) == before | {"label": "New"}
    unnamed = await ani.call("PATCH", f"/v1/wallets/{wallet}", {"label": None}, at=1)
    assert (unnamed.status, unnamed.json["label"]) == (200, None)


@pytest.mark.parametrize(
    "body", [{"status": "closed"}, {"label": "x", "currency": "EUR"}, {"label": ["x"]}, []], ids=str
)
async def test_only_the_label_can_be_changed(ani: Person, body: object) -> None:
    wallet = await ani.open(label="Old")
    before = await ani.read(f"/v1/wallets/{wallet}")
    refused = await ani.call("PATCH", f"/v1/wallets/{wallet}", body)
    assert (refused.status, refused.code) == (422, "validation_failed")
    assert await ani.read(f"/v1/wallets/{wallet}") == before


async def test_a_wallet_is_frozen_and_thawed(ani: Person) -> None:
    wallet = await ani.open()
    frozen = await ani.post(f"/v1/wallets/{wallet}/freeze")
    assert (frozen.status, frozen.json["status"]) == (200, "frozen")
    again = await ani.post(f"/v1/wallets/{wallet}/freeze", at=1)
    assert (again.status, again.json["status"]) == (200, "frozen")
    thawed = await ani.post(f"/v1/wallets/{wallet}/unfreeze")
    assert (thawed.status, thawed.json["status"]) == (200, "active")
    assert (await ani.read(f"/v1/wallets/{wallet}", at=1))["status"] == "active"


async def test_only_an_empty_wallet_is_closed_and_then_for_good(ani: Person) -> None:
    full, empty = await ani.open(funds=500), await ani.open()
    refused = await ani.post(f"/v1/wallets/{full}/close")
    assert (refused.status, refused.code) == (409, "wallet_not_empty")
    assert (await ani.read(f"/v1/wallets/{full}"))["status"] == "active"
    closed = await ani.post(f"/v1/wallets/{empty}/close")
    assert (closed.status, closed.json["status"]) == (200, "closed")
    for change in ("freeze", "unfreeze"):
        refused = await ani.post(f"/v1/wallets/{empty}/{change}")
        assert (refused.status, refused.code) == (403, "wallet_closed")
    assert (await ani.call("PATCH", f"/v1/wallets/{empty}", {"label": "x"})).code == "wallet_closed"
    assert (await ani.read(f"/v1/wallets/{empty}"))["status"] == "closed"


async def test_a_wallet_emptied_by_a_transfer_closes(ani: Person, meet: Meet) -> None:
    budi = await meet()
    wallet = await ani.open(funds=700)
    assert (await ani.transfer(wallet, await budi.open(), 700)).status == 201
    assert (await ani.post(f"/v1/wallets/{wallet}/close")).json["status"] == "closed"
    assert len(await ani.listed(f"/v1/wallets/{wallet}/movements")) == 2


async def test_opening_under_a_key_opens_one_wallet(ani: Person) -> None:
    mine = key()
    first = await ani.post("/v1/wallets", {"currency": "IDR"}, key=mine)
    again = await ani.post("/v1/wallets", {"currency": "IDR"}, key=mine, at=1)
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await ani.listed("/v1/wallets")) == 1


async def test_other_commands_wait_unless_asked_not_to(ani: Person) -> None:
    accepted = await ani.post("/v1/wallets", {"currency": "IDR"}, prefer="respond-async")
    assert accepted.status == 202
    assert accepted.headers["Preference-Applied"] == "respond-async"
    done = await ani.outcome(accepted.json["id"], at=1)
    assert (done["type"], done["status"]) == ("ledger.OpenWallet", "succeeded")
    assert done["result"] == await ani.read(f"/v1/wallets/{done['result']['id']}")
