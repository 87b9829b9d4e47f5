"""Who sees which payments, in which order, and by which filters."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.payments import GetPayment, GetRefund, ListPayments, ListRefunds, PaymentCard, RequestRefund
from tests.workers.payments.conftest import CUSTOMER, OPERATOR, OWNER, STRANGER, Market


async def test_its_two_sides_and_those_who_oversee_see_a_payment(market: Market) -> None:
    shop, other, card = await market.shop(fixed=10), await market.shop(STRANGER), await market.card(funds=5_000)
    key = await market.paid(shop, card, metadata={"shelf": "9"})
    refund = (await market.done(RequestRefund(payment_id=key, amount=5), shop.id))["id"]
    for viewer in (shop.id, OWNER, CUSTOMER):
        assert (await market.get(key, viewer))["id"] == key
        assert [one["id"] for one in await market.listed(viewer)] == [key]
        assert [one["id"] for one in await market.refunds(key, viewer)] == [refund]
        assert (await market.done(GetRefund(payment_id=key, refund_id=refund), viewer))["amount"] == 5
    assert (await market.get(key, OPERATOR, oversees=True))["fee"] == 10
    assert len(await market.listed(OPERATOR, oversees=True)) == 1
    questions = (GetPayment(payment_id=key), ListRefunds(payment_id=key), GetRefund(payment_id=key, refund_id=refund))
    for stranger in (other.id, STRANGER):
        assert await market.listed(stranger) == []
        assert {await market.refused(one, stranger) for one in questions} == {"not_found"}
    assert await market.refused(GetRefund(payment_id=key, refund_id="ref_none"), shop.id) == "not_found"


async def test_a_customer_sees_no_fee_and_no_metadata(market: Market) -> None:
    shop, card = await market.shop(fixed=10), await market.card(funds=5_000)
    key = await market.paid(shop, card, metadata={"shelf": "9"})
    seen = await market.get(key, CUSTOMER)
    assert (seen["fee"], seen["metadata"]) == (None, {})
    assert (await market.get(key, OWNER))["metadata"] == {"shelf": "9"}


async def test_lists_are_newest_first_in_pages_and_miss_nothing(market: Market) -> None:
    shop, card, own = await market.shop(), await market.card(funds=5_000), await market.card(OWNER, funds=5_000)
    for number in range(4):
        await market.paid(shop, card, 10 + number)
        await market.paid(shop, own, 20 + number)
    amounts = [23, 13, 22, 12, 21, 11, 20, 10]
    assert [one["amount"] for one in await market.listed(shop.id, limit=3)] == amounts
    assert [one["amount"] for one in await market.listed(OWNER, limit=3)] == amounts
    assert [one["amount"] for one in await market.listed(CUSTOMER, limit=3)] == [13, 12, 11, 10]
    assert len(await market.listed(OPERATOR, oversees=True, limit=3)) == 8


async def test_lists_filter(market: Market) -> None:
    shop, other = await market.shop(), await market.shop(STRANGER)
    card, second = await market.card(funds=5_000), await market.card(funds=5_000)
    await market.paid(shop, card, 1, reference="a")
    await market.paid(shop, second, 2, capture="manual")
    await market.paid(other, card, 3, reference="a")
    await market.pay(shop, card, 9_000)

    async def amounts(caller: str, **query: Any) -> list[int]:
        return [one["amount"] for one in await market.listed(caller, **query)]

    assert await amounts(CUSTOMER) == [9_000, 3, 2, 1]
    assert await amounts(CUSTOMER, merchant_id=shop.id) == [9_000, 2, 1]
    assert await amounts(CUSTOMER, card_id=second.id) == [2]
    assert await amounts(CUSTOMER, reference="a") == [3, 1]
    assert await amounts(shop.id, reference="a") == [1]
    assert await amounts(shop.id, merchant_id=other.id) == []
    assert await amounts(shop.id, status="failed") == [9_000]
    assert await amounts(shop.id, status="authorized") == [2]
    assert await amounts(CUSTOMER, amount_from=2, amount_to=3) == [3, 2]
    assert await amounts(CUSTOMER, currency="USD") == []
    times = [one["created_at"] for one in await market.listed(CUSTOMER)]
    assert await amounts(CUSTOMER, created_from=times[2], created_to=times[0]) == [3, 2]


async def test_a_merchant_does_not_find_out_a_card_by_filtering(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    token = (await market.token(card, shop)).result
    assert token is not None
    await market.paid(shop, PaymentCard(token=token["token"]))
    for viewer in (shop.id, OWNER):
        assert await market.listed(viewer, card_id=card.id) == []
    assert len(await market.listed(CUSTOMER, card_id=card.id)) == 1
    assert len(await market.listed(OPERATOR, oversees=True, card_id=card.id)) == 1
    await market.paid(shop, card)
    assert len(await market.listed(shop.id, card_id=card.id)) == 1


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1])
def test_amounts_to_filter_by_are_amounts(amount: int) -> None:
    with pytest.raises(ValidationError):
        ListPayments(amount_from=amount)
