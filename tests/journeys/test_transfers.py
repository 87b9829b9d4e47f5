"""Transfers that arrive: to a wallet, to an e-mail address, waited for or not."""

from tests.journeys.conftest import Meet
from tests.people import RFC_3339_UTC, Person, order


async def test_money_moves_from_wallet_to_wallet(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=100_000), await budi.open()
    fields = {"note": "Lunch", "metadata": {"table": "4"}}
    accepted = await ani.transfer(mine, theirs, 40_000, prefer=None, fields=fields)
    assert accepted.status == 202
    assert (accepted.json["type"], accepted.json["status"]) == ("transfers.RequestTransfer", "pending")
    assert "Preference-Applied" not in accepted.headers
    done = await ani.outcome(accepted.json["id"], at=1)
    transfer = done["result"]
    assert (done["status"], done["problem"]) == ("succeeded", None)
    assert RFC_3339_UTC.fullmatch(done["completed_at"])
    assert transfer["id"].startswith("trf_")
    assert transfer["status"] == "completed"
    expected = order(mine, theirs, 40_000) | fields
    assert {name: transfer[name] for name in ("amount", "currency", "note", "metadata")} == {
        name: expected[name] for name in ("amount", "currency", "note", "metadata")
    }
    assert transfer["source"]["wallet_id"] == mine
    assert transfer["destination"]["wallet_id"] == theirs
    assert await ani.balance(mine, at=1) == (60_000, 0, 60_000)
    assert await budi.balance(theirs) == (40_000, 0, 40_000)
    assert await ani.read(f"/v1/transfers/{transfer['id']}", at=1) == transfer
    assert (await budi.read(f"/v1/transfers/{transfer['id']}"))["amount"] == 40_000


async def test_waiting_brings_the_transfer_itself(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=5_000), await budi.open()
    answer = await ani.transfer(mine, theirs, 5_000, at=1)
    assert answer.status == 201
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.headers["Location"] == f"/v1/transfers/{answer.json['id']}"
    assert (answer.json["status"], answer.json["amount"]) == ("completed", 5_000)
    assert await ani.balance(mine) == (0, 0, 0)


async def test_an_address_stands_for_the_receivers_oldest_active_wallet(ani: Person, budi: Person) -> None:
    mine = await ani.open(funds=3_000)
    await budi.open("EUR")
    frozen, oldest, newest = await budi.open(), await budi.open(), await budi.open()
    await budi.post(f"/v1/wallets/{frozen}/freeze")
    sent = await ani.transfer(mine, budi.email.upper(), 3_000)
    assert (sent.status, sent.json["status"]) == (201, "completed")
    assert [await budi.balance(wallet) for wallet in (frozen, oldest, newest)] == [
        (0, 0, 0), (3_000, 0, 3_000), (0, 0, 0),
    ]  # fmt: skip


async def test_the_sender_to_an_address_never_learns_the_wallet(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=10), await budi.open()
    sent = await ani.transfer(mine, budi.email, 10)
    assert theirs not in sent.body.decode()
    assert sent.json["destination"].get("email") == budi.email
    seen = await ani.get(f"/v1/transfers/{sent.json['id']}")
    assert theirs not in seen.body.decode()
    assert (await budi.read(f"/v1/transfers/{sent.json['id']}"))["destination"]["wallet_id"] == theirs


async def test_transfers_are_listed_for_both_sides_in_pages(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=1_000), await budi.open(funds=1_000)
    made = [(await ani.transfer(mine, theirs, amount)).json["id"] for amount in (1, 2, 3)]
    made.append((await budi.transfer(theirs, mine, 4)).json["id"])
    everything = await ani.listed("/v1/transfers")
    assert [one["id"] for one in everything] == made[::-1]
    assert [one["id"] for one in await budi.listed("/v1/transfers")] == made[::-1]
    first = await ani.read("/v1/transfers?limit=3")
    rest = await ani.read(f"/v1/transfers?limit=3&after={first['next']}", at=1)
    assert [*first["data"], *rest["data"]] == everything
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)
    assert [one["amount"] for one in await ani.listed("/v1/transfers?direction=received")] == [4]
    assert [one["amount"] for one in await ani.listed("/v1/transfers?direction=sent")] == [3, 2, 1]


async def test_transfers_are_filtered_by_status_wallet_and_time(ani: Person, budi: Person) -> None:
    mine, other, theirs = await ani.open(funds=100), await ani.open(funds=100), await budi.open()
    assert (await ani.transfer(mine, theirs, 60)).status == 201
    assert (await ani.transfer(mine, theirs, 60)).status == 402
    assert (await ani.transfer(other, theirs, 7)).status == 201
    assert [one["amount"] for one in await ani.listed("/v1/transfers?status=completed")] == [7, 60]
    assert [one["amount"] for one in await ani.listed("/v1/transfers?status=failed")] == [60]
    assert [one["amount"] for one in await ani.listed(f"/v1/transfers?wallet_id={other}")] == [7]
    assert await ani.listed("/v1/transfers?created_to=2020-01-01T00:00:00Z") == []


async def test_a_failed_transfer_is_nothing_that_its_receiver_sees(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(), await budi.open()
    assert (await ani.transfer(mine, theirs, 60)).status == 402
    [failed] = await ani.listed("/v1/transfers")
    assert (await budi.get(f"/v1/transfers/{failed['id']}")).status == 404
    assert await budi.listed("/v1/transfers") == []


async def test_the_largest_amount_passes_whole(ani: Person, meet: Meet) -> None:
    budi = await meet()
    most = 10**13
    mine, theirs = await ani.open(funds=most), await budi.open()
    assert (await ani.transfer(mine, theirs, most)).json["amount"] == most
    assert await budi.balance(theirs) == (most, 0, most)


async def test_one_may_send_between_ones_own_wallets(ani: Person) -> None:
    one, other = await ani.open(funds=50), await ani.open()
    assert (await ani.transfer(one, other, 20)).status == 201
    assert (await ani.balance(one), await ani.balance(other)) == ((30, 0, 30), (20, 0, 20))
    assert len(await ani.listed("/v1/transfers")) == 1


async def test_cards_stand_for_their_wallets(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=1_000), await budi.open()
    from_, to = (await ani.issue(mine))["id"], (await budi.issue(theirs))["id"]
    sent = await ani.transfer(from_, to, 400)
    assert (sent.status, sent.json["status"]) == (201, "completed")
    assert (sent.json["source"]["card_id"], sent.json["destination"]["card_id"]) == (from_, to)
    assert theirs not in sent.body.decode()
    assert theirs not in (await ani.get(f"/v1/transfers/{sent.json['id']}", at=1)).body.decode()
    seen = await budi.get(f"/v1/transfers/{sent.json['id']}", at=1)
    assert from_ not in seen.body.decode()
    assert seen.json["destination"]["wallet_id"] == theirs
    assert await ani.balance(mine) == (600, 0, 600)
    assert await budi.balance(theirs) == (400, 0, 400)
    assert [one["id"] for one in await ani.listed(f"/v1/transfers?card_id={from_}")] == [sent.json["id"]]


async def test_a_card_that_can_not_be_used_refuses_the_transfer(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=1_000), await budi.open(funds=1_000)
    own, other = (await ani.issue(mine))["id"], (await budi.issue(theirs))["id"]
    refused = await ani.transfer(other, mine, 1)
    assert (refused.status, refused.code) == (404, "not_found")
    for destination in (own, mine):
        refused = await ani.transfer(own, destination, 1)
        assert (refused.status, refused.code) == (422, "self_transfer")
    await ani.post(f"/v1/cards/{own}/freeze")
    refused = await ani.transfer(own, theirs, 1)
    assert (refused.status, refused.code) == (403, "card_frozen")
    assert await ani.balance(mine) == (1_000, 0, 1_000)
