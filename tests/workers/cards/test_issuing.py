"""From the wish to the card, and what becomes of it, on real servers."""

from datetime import UTC, datetime
from typing import Any

from contracts.cards import (
    BRANDS,
    ArchiveCard,
    CancelCard,
    CardLimits,
    FreezeCard,
    GetCard,
    GetCardDashboard,
    IssueCard,
    ListCards,
    PurgeArchivedCards,
    PurgeCard,
    ResolveCard,
    RestoreArchivedCards,
    RestoreCard,
    UnfreezeCard,
    UpdateCard,
)
from contracts.ledger import CloseWallet
from contracts.operations import GetReveals
from tests.workers.cards.conftest import OWNER, STRANGER, Issuer
from workers.cards import numbers


async def ids_of(issuer: Issuer, caller: str = OWNER, *, oversees: bool = False, **query: Any) -> list[str]:
    reply = await issuer.do(ListCards(**query), caller, oversees=oversees)
    assert reply.result is not None, reply
    return [one["id"] for one in reply.result["data"]]


async def test_a_card_is_issued_on_ones_own_wallet(either: Issuer) -> None:
    issuer = either
    card = await issuer.card(brand="amex", type="credit", label="Travel", limits=CardLimits(daily=500))
    assert numbers.valid(card.pan)
    assert (len(card.pan), len(card.cvv)) == (15, 4)
    assert (card.view["bin"], card.view["last4"]) == (card.pan[:6], card.pan[-4:])
    assert (card.view["pan"], card.view["cvv"]) == (None, None)
    assert (card.view["status"], card.view["currency"], card.view["label"]) == ("active", "IDR", "Travel")
    assert card.view["limits"] == {"per_payment": None, "daily": 500, "monthly": None}
    assert card.view["exp_year"] == datetime.now(UTC).year + 4
    seen = (await issuer.do(GetCard(card_id=card.id))).result
    assert seen == {name: value for name, value in card.view.items() if name not in ("pan", "cvv")}
    kept = await issuer.database.fetch("SELECT t::text FROM cards.cards AS t")
    assert card.pan not in repr(kept)


async def test_every_brand_can_be_issued(issuer: Issuer) -> None:
    for brand in BRANDS:
        card = await issuer.card(brand=brand)
        assert len(card.cvv) == numbers.cvv_digits(brand)
        assert card.view["brand"] == brand


async def test_a_refused_wish_leaves_no_card(either: Issuer) -> None:
    issuer = either
    theirs, closed = await issuer.wallet(STRANGER), await issuer.wallet()
    await issuer.do(CloseWallet(wallet_id=closed))
    for wallet, code in ((theirs, "not_found"), ("wal_none", "not_found"), (closed, "wallet_closed")):
        reply = await issuer.wish(wallet)
        assert reply.problem is not None
        assert reply.problem.code == code
    assert await issuer.database.fetchval("SELECT count(*) FROM cards.cards") == 0
    assert await issuer.database.fetchval("SELECT count(*) FROM runtime.reveals") == 0


async def test_a_repeat_shows_the_same_card_again(issuer: Issuer) -> None:
    wish = issuer.client.envelope(IssueCard(wallet_id=await issuer.wallet(), brand="visa", type="debit"), OWNER)
    await issuer.client.send(wish)
    first = await issuer.client.final(wish)
    again = wish._replace(request="req_again")
    await issuer.client.send(again)
    assert (await issuer.client.final(again)).result == first.result
    looks = [await issuer.do(GetReveals(operation_id=wish.id)) for _ in range(2)]
    assert looks[0].result == looks[1].result != {"values": {}}
    assert await issuer.database.fetchval("SELECT count(*) FROM cards.cards") == 1


async def test_one_may_have_only_so_many(start_worker: Any, client: Any, worker: Any, rows: Any) -> None:
    await start_worker("all", cards_per_owner_max=2)
    issuer = Issuer(client, worker, rows)
    wallet = await issuer.wallet()
    assert [(await issuer.wish(wallet)).status for _ in range(3)] == ["succeeded", "succeeded", "failed"]


async def test_a_card_is_frozen_unfrozen_canceled_and_renamed(issuer: Issuer) -> None:
    card = await issuer.card()
    for command, status in (
        (FreezeCard(card_id=card.id), "frozen"),
        (UnfreezeCard(card_id=card.id), "active"),
        (UpdateCard(card_id=card.id, label="Mine"), "active"),
        (CancelCard(card_id=card.id), "canceled"),
    ):
        reply = await issuer.do(command)
        assert reply.result is not None
        assert reply.result["status"] == status
    assert await issuer.code(FreezeCard(card_id=card.id)) == "card_canceled"


async def test_an_operators_freeze_is_lifted_by_operators_only(issuer: Issuer) -> None:
    card = await issuer.card()
    assert (await issuer.do(FreezeCard(card_id=card.id, reason="fraud"), "usr_op", oversees=True)).result
    assert await issuer.code(UnfreezeCard(card_id=card.id)) == "permission_denied"
    assert await issuer.code(CancelCard(card_id=card.id)) == "card_frozen"
    await issuer.do(ArchiveCard(card_id=card.id))
    assert await issuer.code(PurgeCard(card_id=card.id)) == "card_frozen"
    assert (await issuer.do(PurgeArchivedCards())).result == {"count": 0}
    await issuer.do(RestoreCard(card_id=card.id))
    reply = await issuer.do(UnfreezeCard(card_id=card.id), "usr_op", oversees=True)
    assert reply.result is not None
    assert reply.result["status"] == "active"


async def test_archived_cards_are_restored_or_purged(issuer: Issuer) -> None:
    kept, gone, other = [await issuer.card() for _ in range(3)]
    assert await issuer.code(PurgeCard(card_id=kept.id)) == "not_archived"
    for card in (kept, gone):
        assert (await issuer.do(ArchiveCard(card_id=card.id))).status == "succeeded"
    assert await ids_of(issuer) == [other.id]
    assert await ids_of(issuer, include="archived") == [other.id, gone.id, kept.id]
    assert await ids_of(issuer, status="archived") == [gone.id, kept.id]
    assert (await issuer.do(PurgeCard(card_id=gone.id))).status == "succeeded"
    assert await issuer.code(GetCard(card_id=gone.id)) == "not_found"
    assert (await issuer.do(RestoreArchivedCards(), STRANGER)).result == {"count": 0}
    assert (await issuer.do(RestoreArchivedCards())).result == {"count": 1}
    assert await ids_of(issuer) == [other.id, kept.id]
    for card in (kept, other):
        await issuer.do(ArchiveCard(card_id=card.id))
    assert (await issuer.do(PurgeArchivedCards(), STRANGER)).result == {"count": 0}
    assert (await issuer.do(PurgeArchivedCards())).result == {"count": 2}
    assert await ids_of(issuer, include="archived") == []
    assert await issuer.database.fetchval("SELECT count(*) FROM cards.usage") == 0


async def test_cards_are_filtered_and_searched(issuer: Issuer) -> None:
    lunch = await issuer.card(label="Lunch 100%")
    trip = await issuer.card(brand="jcb", type="prepaid", label="Trip")
    await issuer.do(FreezeCard(card_id=trip.id))
    assert await ids_of(issuer, search="lUNCH") == [lunch.id]
    assert await ids_of(issuer, search="0%") == [lunch.id]
    assert trip.id in await ids_of(issuer, search=trip.view["last4"])
    assert await ids_of(issuer, search="%") == [lunch.id]
    assert await ids_of(issuer, brand="jcb") == [trip.id]
    assert await ids_of(issuer, type="debit") == [lunch.id]
    assert await ids_of(issuer, status="frozen") == [trip.id]
    assert await ids_of(issuer, status="active") == [lunch.id]
    assert await ids_of(issuer, wallet_id=trip.view["wallet_id"]) == [trip.id]
    await issuer.database.execute("UPDATE cards.cards SET expires_at = now() WHERE id = $1", lunch.id)
    assert await ids_of(issuer, status="expired") == [lunch.id]
    assert await ids_of(issuer, status="active") == []
    assert await ids_of(issuer, STRANGER) == []
    assert len(await ids_of(issuer, STRANGER, oversees=True)) == 2


async def test_strangers_find_nothing(issuer: Issuer) -> None:
    card = await issuer.card()
    for message in (
        GetCard,
        GetCardDashboard,
        UpdateCard,
        FreezeCard,
        UnfreezeCard,
        CancelCard,
        ArchiveCard,
        PurgeCard,
    ):
        assert await issuer.code(message(card_id=card.id), STRANGER) == "not_found"
    assert (await issuer.do(GetCard(card_id=card.id))).result is not None


async def test_a_card_stands_for_its_wallet_while_it_is_usable(issuer: Issuer) -> None:
    card = await issuer.card()
    found = await issuer.worker.ask(ResolveCard(card_id=card.id, owner=OWNER), "saga")
    assert found.result is not None
    assert (found.result["wallet_id"], found.result["owner"]) == (card.view["wallet_id"], OWNER)
    assert (await issuer.worker.ask(ResolveCard(card_id=card.id), "saga")).result == found.result

    async def refused(**fields: Any) -> str:
        reply = await issuer.worker.ask(ResolveCard(card_id=card.id, **fields), "saga")
        assert reply.problem is not None
        return reply.problem.code

    assert await refused(owner=STRANGER) == "not_found"
    await issuer.do(FreezeCard(card_id=card.id))
    assert await refused() == "card_frozen"
    assert await refused(owner=STRANGER) == "not_found"
    await issuer.database.execute("UPDATE cards.cards SET expires_at = now()")
    assert await refused() == "card_expired"
    await issuer.do(CancelCard(card_id=card.id))
    assert await refused() == "card_canceled"
    await issuer.do(ArchiveCard(card_id=card.id))
    assert await refused() == "not_found"
