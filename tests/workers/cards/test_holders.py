"""Cards of people who may do nothing: what identity says of them, late, twice and in any order."""

import asyncio
from typing import Any

from contracts import ids, topology
from contracts.cards import GetCard, ResolveCard
from contracts.identity import UserArchived, UserPurged, UserRestored
from contracts.message import Event
from tests.workers.cards.conftest import OWNER, STRANGER, Issuer

OPERATOR = "usr_operator"
NOTED = "SELECT archived FROM cards.holders WHERE id = $1 AND version = $2"


async def said(issuer: Issuer, *events: Event, **fields: Any) -> None:
    """These events come, in this order, and are heard."""
    last = UserArchived(user_id=ids.new("usr"))
    envelopes = [issuer.worker.envelope(event, OPERATOR, **fields) for event in events]
    for envelope in (*envelopes, issuer.worker.envelope(last, OPERATOR)):
        await issuer.worker.send(envelope, queue=topology.events("cards"))
    async with asyncio.timeout(20):
        while await issuer.database.fetchval(NOTED, last.user_id, 1) is None:  # noqa: ASYNC110 - tells nobody
            await asyncio.sleep(0.05)


async def test_a_card_is_declined_until_its_holder_is_restored(either: Issuer) -> None:
    card, other = await either.card(), await either.card(STRANGER)
    await said(either, UserArchived(user_id=OWNER, version=2))
    resolved = await either.worker.ask(ResolveCard(card_id=card.id), "saga")
    spent = await either.spend(card, 1)
    assert [reply.problem and reply.problem.code for reply in (resolved, spent)] == ["card_frozen"] * 2
    assert await either.code(card.presented()) == "declined"
    assert (await either.spend(other, 1)).status == "succeeded"
    await said(either, UserRestored(user_id=OWNER, version=3))
    assert (await either.spend(card, 1)).status == "succeeded"
    assert (await either.do(card.presented())).status == "succeeded"
    shown = (await either.do(GetCard(card_id=card.id))).result
    assert shown is not None
    assert shown.items() <= card.view.items()


async def test_the_newest_word_counts_whichever_came_last(issuer: Issuer) -> None:
    card = await issuer.card()
    await said(issuer, UserRestored(user_id=OWNER, version=3), UserArchived(user_id=OWNER, version=2))
    assert (await issuer.spend(card, 1)).status == "succeeded"
    again = ids.new("msg")
    await said(issuer, UserArchived(user_id=OWNER, version=4), id=again)
    await said(issuer, UserRestored(user_id=OWNER, version=5))
    await said(issuer, UserArchived(user_id=OWNER, version=4), id=again)
    await said(issuer, UserArchived(user_id=OWNER, version=4))
    assert (await issuer.spend(card, 1)).status == "succeeded"
    entries = "SELECT count(*) FROM operations.audit WHERE object = $1 AND action LIKE 'identity.%'"
    assert await issuer.database.fetchval(entries, card.id) == 2


async def test_a_wish_in_flight_makes_no_card_for_somebody_archived_or_purged(either: Issuer) -> None:
    for person, event in ((OWNER, UserArchived), (STRANGER, UserPurged)):
        wallet = await either.wallet(person)
        await said(either, event(user_id=person, version=2))
        reply = await either.wish(wallet, person)
        assert reply.problem is not None, reply
        assert reply.problem.code == "permission_denied"
    await said(either, UserRestored(user_id=OWNER, version=3), UserRestored(user_id=STRANGER, version=1))
    assert (await either.wish(await either.wallet())).status == "succeeded"
    assert (await either.wish(await either.wallet(STRANGER), STRANGER)).status == "failed"
