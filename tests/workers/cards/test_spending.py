"""Limits hold when hundreds spend at once, whatever is repeated, undone, or undone before it came."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import ids
from contracts.cards import ArchiveCard, FreezeCard, PurgeCard, SpendOnCard, UnspendOnCard
from tests.workers.cards.conftest import OWNER, STRANGER, Issuer


def code(reply: Any) -> str:
    assert reply.problem is not None, reply
    return str(reply.problem.code)


async def test_a_crowd_spends_no_more_than_the_limit(either: Issuer) -> None:
    issuer = either
    card = await issuer.limited(daily=1_000)
    replies = await asyncio.gather(*(issuer.spend(card, 30) for _ in range(100)))
    assert [reply.status for reply in replies].count("succeeded") == 33
    assert {code(reply) for reply in replies if reply.status == "failed"} == {"limit_exceeded"}
    seen = await issuer.dashboard(card)
    assert (seen["today"]["amount"], seen["today"]["count"], seen["today"]["remaining"]) == (990, 33, 10)
    assert (seen["this_month"]["amount"], seen["this_month"]["limit"], seen["declined"]) == (990, None, 67)


async def test_several_workers_share_the_counters(start_worker: Any, issuer: Issuer) -> None:
    await start_worker("cards")
    card = await issuer.limited(monthly=500)
    replies = await asyncio.gather(*(issuer.spend(card, 10) for _ in range(120)))
    assert [reply.status for reply in replies].count("succeeded") == 50
    assert (await issuer.dashboard(card))["this_month"]["amount"] == 500


async def test_each_limit_refuses_for_itself(issuer: Issuer) -> None:
    card = await issuer.limited(per_payment=100, daily=150, monthly=200)
    assert "per payment" in (await issuer.spend(card, 101)).problem.detail  # type: ignore[union-attr]
    assert (await issuer.spend(card, 100)).status == "succeeded"
    assert "per day" in (await issuer.spend(card, 51)).problem.detail  # type: ignore[union-attr]
    await issuer.database.execute("UPDATE cards.usage SET day = '2020-01-01'")
    assert (await issuer.spend(card, 100)).status == "succeeded"
    await issuer.database.execute("UPDATE cards.usage SET day = '2020-01-01'")
    assert "per month" in (await issuer.spend(card, 1)).problem.detail  # type: ignore[union-attr]


async def test_a_spend_counts_once_and_is_given_back_once(issuer: Issuer) -> None:
    card = await issuer.limited(daily=100)
    spend = ids.new("pay")
    for _ in range(3):
        assert (await issuer.spend(card, 60, spend_id=spend)).status == "succeeded"
    assert (await issuer.dashboard(card))["today"]["amount"] == 60
    for count in (1, 0, 0):
        assert (await issuer.unspend(card, spend)).result == {"count": count}
    seen = await issuer.dashboard(card)
    assert (seen["today"]["amount"], seen["total"]["count"]) == (0, 0)
    assert code(await issuer.spend(card, 60, spend_id=spend)) == "spend_undone"


async def test_an_undo_that_comes_first_leaves_a_tombstone(issuer: Issuer) -> None:
    card = await issuer.limited(daily=100)
    spend = ids.new("pay")
    assert (await issuer.unspend(card, spend)).result == {"count": 0}
    assert code(await issuer.spend(card, 60, spend_id=spend)) == "spend_undone"
    assert (await issuer.dashboard(card))["today"]["amount"] == 0


async def test_yesterdays_spend_gives_today_nothing_back(issuer: Issuer) -> None:
    card = await issuer.limited(daily=100)
    spend = ids.new("pay")
    assert (await issuer.spend(card, 60, spend_id=spend)).status == "succeeded"
    before = datetime.now(UTC) - timedelta(days=40)
    await issuer.database.execute("UPDATE cards.spends SET created_at = $1", before)
    assert (await issuer.unspend(card, spend)).result == {"count": 1}
    seen = await issuer.dashboard(card)
    assert (seen["today"]["amount"], seen["total"]["amount"]) == (60, 0)


async def test_a_purged_card_can_be_given_back_to(issuer: Issuer) -> None:
    card = await issuer.card()
    spend = ids.new("pay")
    assert (await issuer.spend(card, 60, spend_id=spend)).status == "succeeded"
    await issuer.do(ArchiveCard(card_id=card.id))
    assert (await issuer.do(PurgeCard(card_id=card.id))).status == "succeeded"
    assert (await issuer.unspend(card, spend)).result == {"count": 1}
    assert code(await issuer.spend(card, 60)) == "not_found"


async def test_what_can_not_be_used_is_not_spent_on(issuer: Issuer) -> None:
    card = await issuer.card()
    assert code(await issuer.spend(card, 1, owner=STRANGER)) == "not_found"
    assert (await issuer.spend(card, 1, owner=OWNER)).status == "succeeded"
    assert code(await issuer.spend(card, 1, currency="USD")) == "currency_mismatch"
    await issuer.do(FreezeCard(card_id=card.id))
    assert code(await issuer.spend(card, 1)) == "card_frozen"
    assert (await issuer.dashboard(card))["total"]["amount"] == 1


async def test_a_token_finds_its_card_and_is_good_once(issuer: Issuer) -> None:
    card, other = await issuer.card(), await issuer.card()
    token = (await issuer.do(card.presented(), "mer_1")).result["token"]  # type: ignore[index]
    assert token not in repr(await issuer.database.fetch("SELECT t::text FROM cards.tokens AS t"))
    assert code(await issuer.spend(other, 1, token=token)) == "card_token_invalid"
    spend = ids.new("pay")
    paid = await issuer.spend(None, 1, token=token, spend_id=spend)
    assert paid.result is not None
    assert (paid.result["card_id"], paid.result["wallet_id"]) == (card.id, card.view["wallet_id"])
    assert (await issuer.spend(None, 1, token=token, spend_id=spend)).status == "succeeded"
    assert code(await issuer.spend(None, 1, token=token)) == "card_token_invalid"
    back = await issuer.worker.ask(UnspendOnCard(token=token, spend_id=spend), "saga")
    assert back.result == {"count": 1}
    assert code(await issuer.spend(None, 1, token=token)) == "card_token_invalid"
    assert code(await issuer.spend(None, 1, token="tok_" + "0" * 40)) == "not_found"


async def test_one_token_is_not_spent_twice_at_once(issuer: Issuer) -> None:
    card = await issuer.card()
    token = (await issuer.do(card.presented(), "mer_1")).result["token"]  # type: ignore[index]
    replies = await asyncio.gather(*(issuer.spend(None, 1, token=token) for _ in range(20)))
    assert [reply.status for reply in replies].count("succeeded") == 1
    assert (await issuer.dashboard(card))["total"]["count"] == 1


async def test_an_old_token_is_good_for_nothing(issuer: Issuer) -> None:
    card = await issuer.card()
    token = (await issuer.do(card.presented(), "mer_1")).result["token"]  # type: ignore[index]
    await issuer.database.execute("UPDATE cards.tokens SET expires_at = now()")
    assert code(await issuer.spend(None, 1, token=token)) == "card_token_invalid"


def test_a_spend_names_its_card() -> None:
    with pytest.raises(ValueError, match="card_id or token"):
        SpendOnCard(spend_id="pay_1", amount=1, currency="IDR")
