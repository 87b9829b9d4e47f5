"""Cards from the wish to the purge, and their number and code, which are shown once."""

import asyncpg
import pytest

from tests.journeys.conftest import Meet
from tests.people import Json, Person, key
from tests.system import System
from workers.cards import numbers

NULLS = {"pan": None, "cvv": None}


def shown(card: Json) -> tuple[Json, Json]:
    return card["pan"], card["cvv"]


async def test_a_card_is_issued_and_shows_its_number_once(ani: Person) -> None:
    wallet = await ani.open()
    fields = {"brand": "amex", "type": "prepaid", "label": "Travel", "limits": {"daily": 5_000}}
    answer = await ani.post("/v1/cards", {"wallet_id": wallet} | fields)
    card = answer.json
    assert (answer.status, answer.headers["Location"]) == (201, f"/v1/cards/{card['id']}")
    assert numbers.valid(card["pan"])
    assert (len(card["pan"]), len(card["cvv"]), card["last4"]) == (15, 4, card["pan"][-4:])
    assert (card["status"], card["wallet_id"], card["currency"]) == ("active", wallet, "IDR")
    assert card["limits"] == {"per_payment": None, "daily": 5_000, "monthly": None}
    seen = await ani.get(f"/v1/cards/{card['id']}", at=1)
    assert card["pan"] not in seen.body.decode()
    assert seen.json == {name: value for name, value in card.items() if name not in NULLS}
    assert await ani.listed("/v1/cards") == [seen.json]


async def test_a_repeat_and_a_poll_show_it_too_at_any_gateway(ani: Person) -> None:
    wallet, mine = await ani.open(), key()
    card = await ani.issue(wallet, key=mine)
    again = await ani.issue(wallet, key=mine, at=1)
    assert again == card
    accepted = await ani.post(
        "/v1/cards", {"wallet_id": wallet, "brand": "jcb", "type": "debit"}, prefer="respond-async"
    )
    assert accepted.status == 202
    done = [await ani.outcome(accepted.json["id"], at=number % 2) for number in range(4)]
    assert len({shown(one["result"]) for one in done}) == 1
    assert all(shown(done[0]["result"]))


async def test_nobody_else_is_shown_it_and_nobody_after_a_while(ani: Person, meet: Meet, system: System) -> None:
    wallet, mine = await ani.open(), key()
    body = {"wallet_id": wallet, "brand": "visa", "type": "debit"}
    accepted = await ani.post("/v1/cards", body, prefer="respond-async", key=mine)
    operation = accepted.json["id"]
    assert all(shown((await ani.outcome(operation))["result"]))
    assert (await (await meet()).get(f"/v1/operations/{operation}")).status == 404
    connection = await asyncpg.connect(system.servers.migrations)
    await connection.execute("UPDATE runtime.reveals SET expires_at = now() WHERE id = $1", operation)
    await connection.close()
    for at in (0, 1):
        assert shown((await ani.outcome(operation, at=at))["result"]) == (None, None)
    again = await ani.post("/v1/cards", body, key=mine)
    assert (again.status, shown(again.json)) == (201, (None, None))


async def test_a_card_on_somebody_elses_wallet_is_refused(ani: Person, budi: Person) -> None:
    wallet = await budi.open()
    refused = await ani.post("/v1/cards", {"wallet_id": wallet, "brand": "visa", "type": "debit"})
    assert (refused.status, refused.code) == (404, "not_found")
    frozen = await ani.open()
    await ani.post(f"/v1/wallets/{frozen}/freeze")
    refused = await ani.post("/v1/cards", {"wallet_id": frozen, "brand": "visa", "type": "debit"})
    assert (refused.status, refused.code) == (403, "wallet_frozen")
    assert await ani.listed("/v1/cards?include=archived") == []


@pytest.mark.parametrize(
    "wrong",
    [{"brand": "dragon"}, {"type": "gold"}, {"limits": {"daily": 0}}, {"limits": {"weekly": 5}}, {"pan": "4"}],
    ids=str,
)
async def test_a_wish_that_makes_no_sense_is_refused(ani: Person, wrong: Json) -> None:
    body = {"wallet_id": await ani.open(), "brand": "visa", "type": "debit"} | wrong
    assert (await ani.post("/v1/cards", body)).status == 422
    assert await ani.listed("/v1/cards") == []


async def test_a_card_lives(ani: Person) -> None:
    path = f"/v1/cards/{(await ani.issue(await ani.open(), label='Old'))['id']}"
    changed = await ani.call("PATCH", path, {"limits": {"monthly": 9}})
    assert (changed.status, changed.json["label"], changed.json["limits"]["monthly"]) == (200, "Old", 9)
    assert (await ani.call("PATCH", path, {"label": None})).json["label"] is None
    assert (await ani.post(f"{path}/freeze")).json["status"] == "frozen"
    assert (await ani.post(f"{path}/unfreeze", {"reason": "found it"})).json["status"] == "active"
    assert (await ani.call("DELETE", path)).code == "not_archived"
    assert (await ani.post(f"{path}/archive")).json["status"] == "archived"
    assert (await ani.call("PATCH", path, {"label": "x"})).code == "card_archived"
    assert await ani.listed("/v1/cards") == []
    assert len(await ani.listed("/v1/cards?include=archived")) == 1
    assert (await ani.post(f"{path}/restore")).json["status"] == "active"
    assert (await ani.post(f"{path}/cancel")).json["status"] == "canceled"
    assert (await ani.post(f"{path}/unfreeze")).code == "card_canceled"
    await ani.post(f"{path}/archive")
    assert (await ani.call("DELETE", path)).status == 204
    assert (await ani.get(path)).status == 404


async def test_archived_cards_are_restored_and_purged_together(ani: Person, budi: Person) -> None:
    wallet = await ani.open()
    mine = [(await ani.issue(wallet))["id"] for _ in range(3)]
    for card in mine[:2]:
        await ani.post(f"/v1/cards/{card}/archive")
    assert (await budi.post("/v1/cards/archived/restore")).json == {"count": 0}
    restored = await ani.post("/v1/cards/archived/restore")
    assert (restored.status, restored.json) == (200, {"count": 2})
    await ani.post(f"/v1/cards/{mine[0]}/archive")
    assert (await budi.call("DELETE", "/v1/cards/archived")).json == {"count": 0}
    purged = await ani.call("DELETE", "/v1/cards/archived")
    assert (purged.status, purged.json) == (200, {"count": 1})
    assert [one["id"] for one in await ani.listed("/v1/cards?include=archived")] == mine[:0:-1]


async def test_a_new_cards_dashboard_is_all_zeros(ani: Person) -> None:
    card = await ani.issue(await ani.open(), limits={"daily": 100})
    seen = await ani.read(f"/v1/cards/{card['id']}/dashboard")
    assert (seen["today"]["amount"], seen["today"]["limit"], seen["today"]["remaining"]) == (0, 100, 100)
    assert (seen["this_month"]["remaining"], seen["total"]["count"], seen["declined"]) == (None, 0, 0)
    assert seen["card"]["id"] == card["id"]
