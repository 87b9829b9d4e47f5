"""Statements: what happened to a wallet, as JSON and as CSV."""

import csv
import io

import pytest

from tests.journeys.conftest import Meet
from tests.people import RFC_3339_UTC, Person

COLUMNS = ["id", "kind", "amount", "currency", "balance_after", "counterparty", "operation_id", "created_at"]


@pytest.fixture
async def wallets(ani: Person, meet: Meet) -> tuple[str, str, Person]:
    """Ani's wallet after a top-up and four transfers, Budi's, and Budi."""
    budi = await meet()
    mine, theirs = await ani.open(funds=10_000), await budi.open()
    for amount in (1_000, 2_000, 3_000):
        assert (await ani.transfer(mine, theirs, amount)).status == 201
    assert (await budi.transfer(theirs, mine, 500)).status == 201
    return mine, theirs, budi


async def test_a_statement_has_every_movement_with_the_running_balance(
    ani: Person, wallets: tuple[str, str, Person]
) -> None:
    mine, theirs, budi = wallets
    page = await ani.read(f"/v1/wallets/{mine}/movements", at=1)
    assert (page["has_more"], page["next"]) == (False, None)
    found = [(one["amount"], one["balance_after"], one["kind"]) for one in page["data"]]
    assert found == [
        (500, 4_500, "transfer"),
        (-3_000, 4_000, "transfer"),
        (-2_000, 7_000, "transfer"),
        (-1_000, 9_000, "transfer"),
        (10_000, 10_000, "top_up"),
    ]
    for movement in page["data"]:
        assert movement["id"].startswith("mov_")
        assert RFC_3339_UTC.fullmatch(movement["created_at"])
    assert {one["counterparty"] for one in page["data"][:4]} == {theirs}
    assert await ani.balance(mine) == (4_500, 0, 4_500)
    other = await budi.listed(f"/v1/wallets/{theirs}/movements")
    assert [(one["amount"], one["balance_after"]) for one in other] == [
        (-500, 5_500), (3_000, 6_000), (2_000, 3_000), (1_000, 1_000),
    ]  # fmt: skip
    assert [one["operation_id"] for one in other] == [one["operation_id"] for one in page["data"][:4]]


async def test_a_movement_names_the_operation_that_made_it(ani: Person, wallets: tuple[str, str, Person]) -> None:
    mine, _, budi = wallets
    newest, older, *_ = await ani.listed(f"/v1/wallets/{mine}/movements")
    operation = await ani.read(f"/v1/operations/{older['operation_id']}")
    assert (operation["status"], operation["result"]["amount"]) == ("succeeded", 3_000)
    assert (await ani.get(f"/v1/operations/{newest['operation_id']}")).status == 404
    assert (await budi.get(f"/v1/operations/{newest['operation_id']}")).status == 200


async def test_a_statement_is_paged_by_cursor_while_money_moves(ani: Person, wallets: tuple[str, str, Person]) -> None:
    mine, theirs, _ = wallets
    whole = await ani.listed(f"/v1/wallets/{mine}/movements")
    first = await ani.read(f"/v1/wallets/{mine}/movements?limit=2")
    assert (await ani.transfer(mine, theirs, 1)).status == 201
    second = await ani.read(f"/v1/wallets/{mine}/movements?limit=2&after={first['next']}", at=1)
    third = await ani.read(f"/v1/wallets/{mine}/movements?limit=2&after={second['next']}")
    assert [*first["data"], *second["data"], *third["data"]] == whole
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]


async def test_a_statement_is_filtered_by_kind_and_time(ani: Person, wallets: tuple[str, str, Person]) -> None:
    mine, _, _ = wallets
    path = f"/v1/wallets/{mine}/movements"
    assert [one["amount"] for one in await ani.listed(f"{path}?kind=top_up")] == [10_000]
    moment = (await ani.read(path))["data"][1]["created_at"].replace("+", "%2B")
    assert [one["amount"] for one in await ani.listed(f"{path}?created_from={moment}")] == [500, -3_000]
    assert len(await ani.listed(f"{path}?created_to={moment}")) == 3


async def test_a_statement_comes_as_csv_to_those_who_ask(ani: Person, wallets: tuple[str, str, Person]) -> None:
    mine, _, _ = wallets
    expected = await ani.listed(f"/v1/wallets/{mine}/movements")
    answer = await ani.get(f"/v1/wallets/{mine}/movements", headers={"Accept": "text/csv"})
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/csv")
    header, *lines = csv.reader(io.StringIO(answer.body.decode()))
    assert header == COLUMNS
    assert lines == [[str(one[name]) for name in COLUMNS] for one in expected]


async def test_csv_tells_where_it_goes_on(ani: Person, wallets: tuple[str, str, Person]) -> None:
    mine, _, _ = wallets
    headers = {"Accept": "text/csv"}
    first = await ani.get(f"/v1/wallets/{mine}/movements?limit=3", headers=headers)
    target = first.headers["Link"].partition(">")[0].removeprefix("<")
    rest = await ani.get(target, headers=headers, at=1)
    amounts = [line["amount"] for one in (first, rest) for line in csv.DictReader(io.StringIO(one.body.decode()))]
    assert amounts == ["500", "-3000", "-2000", "-1000", "10000"]


async def test_an_empty_wallet_has_an_empty_statement(ani: Person) -> None:
    wallet = await ani.open()
    assert await ani.read(f"/v1/wallets/{wallet}/movements") == {"data": [], "has_more": False, "next": None}
    answer = await ani.get(f"/v1/wallets/{wallet}/movements", headers={"Accept": "text/csv"})
    assert answer.body.decode().splitlines() == [",".join(COLUMNS)]
