"""Capture, void, expiry and refund, on real servers; many at once, and none twice."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from contracts.cards import GetCardDashboard
from contracts.ledger import FreezeWallet, PlaceHold, UnfreezeWallet
from contracts.operations import Reply
from contracts.payments import RequestCapture, RequestRefund, RequestVoid
from tests.system import eventually
from tests.workers.payments.conftest import CUSTOMER, OWNER, Market
from workers.payments import policy
from workers.payments.policy import Policy


def codes(replies: list[Reply]) -> Counter[str]:
    """How often each outcome."""
    return Counter(reply.problem.code if reply.problem else reply.status for reply in replies)


async def spent(market: Market, card: str) -> int:
    """What counts on the card."""
    found: int = (await market.done(GetCardDashboard(card_id=card), CUSTOMER))["total"]["amount"]
    return found


async def test_a_part_is_captured_and_the_rest_goes_back(either: Market) -> None:
    shop, card = await either.shop(fixed=10, basis_points=100), await either.card(funds=5_000)
    key = await either.authorized(shop, card)
    reply = await either.capture(shop, key, 600)
    assert reply.result is not None
    assert (reply.result["status"], reply.result["amount_captured"], reply.result["fee"]) == ("captured", 600, 16)
    assert await either.balances(card, shop) == ((4_400, 0), (584, 0), 16)
    again = await either.capture(shop, key, 400)
    assert again.problem is not None
    assert again.problem.code == "already_captured"
    await either.is_sound()


async def test_several_parts_up_to_what_was_authorised(market: Market) -> None:
    shop, card = await market.shop(fixed=10), await market.card(funds=5_000)
    key = await market.authorized(shop, card)
    for amount in (300, 300):
        assert (await market.capture(shop, key, amount, final=False)).status == "succeeded"
    assert await market.balances(card, shop) == ((4_400, 400), (590, 0), 10)
    too_much = await market.capture(shop, key, 401, final=False)
    assert too_much.problem is not None
    assert too_much.problem.code == "capture_exceeds_authorized"
    last = await market.capture(shop, key, final=False)
    assert last.result is not None
    assert last.result["status"] == "captured"
    assert await market.balances(card, shop) == ((4_000, 0), (990, 0), 10)
    await market.is_sound()


async def test_a_void_gives_everything_back(either: Market) -> None:
    shop, card = await either.shop(), await either.card(funds=5_000)
    key = await either.authorized(shop, card)
    assert await spent(either, card.id) == 1_000
    reply = await either.void(shop, key)
    assert reply.result is not None
    assert reply.result["status"] == "voided"
    assert await either.balances(card, shop) == ((5_000, 0), (0, 0), 0)
    assert await spent(either, card.id) == 0
    assert codes([await either.void(shop, key), await either.capture(shop, key)]) == {"already_voided": 2}
    assert await either.rows.fetchval("SELECT count(*) FROM runtime.timers") == 0
    await either.is_sound()


@pytest.mark.parametrize("captured", [0, 400])
async def test_an_authorisation_expires_by_itself(either: Market, captured: int) -> None:
    shop, card = await either.shop(), await either.card(funds=5_000)
    policy.use(Policy(authorized_for=timedelta(seconds=1 if not captured else 600)))
    try:
        key = await either.authorized(shop, card)
    finally:
        policy.use(Policy())
    if captured:
        assert (await either.capture(shop, key, captured, final=False)).status == "succeeded"
        await either.rows.execute("UPDATE payments.payments SET expires_at = now()")
        await either.rows.execute("UPDATE runtime.timers SET due_at = now()")

    async def ended() -> bool:
        return bool((await either.get(key, shop.id))["status"] != "authorized")

    await eventually("it expires", 20, ended)
    assert (await either.get(key, CUSTOMER))["status"] == ("captured" if captured else "expired")
    assert await either.balances(card, shop) == ((5_000 - captured, 0), (captured, 0), 0)
    assert await spent(either, card.id) == (1_000 if captured else 0)
    assert await either.rows.fetchval("SELECT count(*) FROM runtime.timers") == 0
    await either.is_sound()


async def test_refunds_return_the_money_and_the_fee(either: Market) -> None:
    shop, card = await either.shop(fixed=10, basis_points=100), await either.card(funds=5_000)
    key = await either.paid(shop, card)
    part = await either.refund(shop, key, 500, reason="Half of it")
    assert part.result is not None
    assert (part.result["status"], part.result["fee"], part.result["reason"]) == ("succeeded", 10, "Half of it")
    assert await either.balances(card, shop) == ((4_500, 0), (490, 0), 10)
    assert (await either.get(key, shop.id))["status"] == "partially_refunded"
    assert (await either.refund(shop, key)).status == "succeeded"
    assert await either.balances(card, shop) == ((5_000, 0), (0, 0), 0)
    whole = await either.get(key, shop.id)
    assert (whole["status"], whole["amount_refunded"], whole["fee"]) == ("refunded", 1_000, 0)
    assert codes([await either.refund(shop, key, 1)]) == {"already_refunded": 1}
    assert (await either.kinds(CUSTOMER, card.wallet))[:2] == [("refund", 500), ("refund", 500)]
    assert [one["amount"] for one in await either.refunds(key, CUSTOMER)] == [500, 500]
    await either.is_sound()


async def test_a_fee_that_is_kept_is_the_merchants_to_bear(market: Market) -> None:
    shop, card = await market.shop(fixed=10), await market.card(funds=5_000)
    key = await market.paid(shop, card)
    policy.use(Policy(refund_fees="kept"))
    try:
        assert codes([await market.refund(shop, key)]) == {"insufficient_funds": 1}
        await market.credit(shop.wallet, 10)
        assert (await market.refund(shop, key)).status == "succeeded"
    finally:
        policy.use(Policy())
    assert await market.balances(card, shop) == ((5_000, 0), (0, 0), 10)
    assert [one["status"] for one in await market.refunds(key, OWNER)] == ["succeeded", "failed"]


async def test_a_refund_takes_what_the_settlement_wallet_has(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    key = await market.paid(shop, card)
    other = await market.wallet(OWNER)
    held = PlaceHold(hold_id="hld_x", account_id=shop.wallet, owner=OWNER, to=other, amount=600, currency="IDR")
    assert (await market.worker.ask(held, "saga")).status == "succeeded"
    assert codes([await market.refund(shop, key)]) == {"insufficient_funds": 1}
    assert (await market.get(key, shop.id))["amount_refunded"] == 0
    assert (await market.refund(shop, key, 400)).status == "succeeded"
    assert await market.balances(card, shop) == ((4_400, 0), (600, 600), 0)


async def test_what_can_not_arrive_can_be_tried_again(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    key = await market.authorized(shop, card)
    await market.done(FreezeWallet(wallet_id=shop.wallet), OWNER)
    assert codes([await market.capture(shop, key)]) == {"wallet_frozen": 1}
    assert (await market.get(key, shop.id))["status"] == "authorized"
    await market.done(UnfreezeWallet(wallet_id=shop.wallet), OWNER)
    assert (await market.capture(shop, key)).status == "succeeded"
    await market.done(FreezeWallet(wallet_id=card.wallet), CUSTOMER)
    assert codes([await market.refund(shop, key)]) == {"wallet_frozen": 1}
    await market.done(UnfreezeWallet(wallet_id=card.wallet), CUSTOMER)
    assert (await market.refund(shop, key)).status == "succeeded"
    await market.is_sound()


async def test_a_suspended_merchant_captures_nothing_but_gives_back(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    paid, held = await market.paid(shop, card), await market.authorized(shop, card)
    await market.suspend(shop)
    assert codes([await market.capture(shop, held)]) == {"merchant_not_active": 1}
    assert codes([await market.void(shop, held), await market.refund(shop, paid)]) == {"succeeded": 2}
    assert await market.balances(card, shop) == ((5_000, 0), (0, 0), 0)


async def test_the_same_operation_moves_once(either: Market) -> None:
    shop, card = await either.shop(fixed=10), await either.card(funds=5_000)
    key = await either.authorized(shop, card)
    captures = await either.repeated(RequestCapture(payment_id=key, amount=400, final=False), shop.id)
    refunds = await either.repeated(RequestRefund(payment_id=key, amount=300), shop.id)
    voids = await either.repeated(RequestVoid(payment_id=key), shop.id)
    assert codes([*captures, *refunds, *voids]) == {"succeeded": 12}
    assert await either.balances(card, shop) == ((4_900, 0), (97, 0), 3)
    await either.is_sound()


async def test_two_hundred_captures_at_once_take_what_was_authorised(either: Market) -> None:
    shop, card = await either.shop(fixed=10, basis_points=333), await either.card(funds=50_000)
    key = await either.authorized(shop, card, 10_000)
    captures = [RequestCapture(payment_id=key, amount=100, final=False) for _ in range(200)]
    assert codes(await either.at_once(*captures, caller=shop.id)) == {"succeeded": 100, "already_captured": 100}
    assert (await either.get(key, shop.id))["status"] == "captured"
    assert await either.balances(card, shop) == ((40_000, 0), (9_657, 0), 343)
    await either.is_sound()


async def test_two_hundred_whole_captures_at_once_are_one(either: Market) -> None:
    shop, card = await either.shop(), await either.card(funds=5_000)
    key = await either.authorized(shop, card)
    captures = [RequestCapture(payment_id=key) for _ in range(200)]
    assert codes(await either.at_once(*captures, caller=shop.id)) == {"succeeded": 1, "already_captured": 199}
    assert await either.balances(card, shop) == ((4_000, 0), (1_000, 0), 0)
    await either.is_sound()


async def test_two_hundred_refunds_at_once_give_back_what_was_captured(either: Market) -> None:
    shop, card = await either.shop(fixed=37), await either.card(funds=50_000)
    await either.credit(shop.wallet, 100_000)
    key = await either.paid(shop, card, 10_000)
    refunds = [RequestRefund(payment_id=key, amount=100) for _ in range(200)]
    assert codes(await either.at_once(*refunds, caller=shop.id)) == {"succeeded": 100, "already_refunded": 100}
    assert await either.balances(card, shop) == ((50_000, 0), (100_000, 0), 0)
    assert len(await either.refunds(key, shop.id)) == 100
    await either.is_sound()


async def test_of_captures_voids_and_refunds_that_race_each_is_whole_or_not_at_all(either: Market) -> None:
    shop, card = await either.shop(basis_points=250), await either.card(funds=100_000)
    keys = [await either.authorized(shop, card, 1_000) for _ in range(8)]
    moves = [
        move
        for key in keys
        for move in (
            RequestCapture(payment_id=key, amount=300, final=False),
            RequestVoid(payment_id=key),
            RequestCapture(payment_id=key, amount=200),
            RequestRefund(payment_id=key, amount=100),
            RequestCapture(payment_id=key, amount=400, final=False),
            RequestRefund(payment_id=key),
            RequestVoid(payment_id=key),
        )
    ]
    rounds = [either.at_once(*moves[start::4], caller=shop.id) for start in range(4)]
    replies = [reply for one in await asyncio.gather(*rounds) for reply in one]
    assert {reply.status for reply in replies} <= {"succeeded", "failed"}
    assert all(reply.problem is None or reply.problem.kind == "conflict" for reply in replies)
    payments = [await either.get(key, shop.id) for key in keys]
    captured = sum(one["amount_captured"] for one in payments)
    refunded = sum(one["amount_refunded"] for one in payments)
    held = sum(1_000 - one["amount_captured"] for one in payments if one["status"] == "authorized")
    fees = sum(one["fee"] for one in payments)
    kept = captured - refunded
    assert await either.balances(card, shop) == ((100_000 - kept, held), (kept - fees, 0), fees)
    await either.is_sound()
