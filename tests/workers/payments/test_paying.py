"""Payments from the checkout to the outcome, on real servers."""

from contracts.cards import CancelCard, CardLimits, FreezeCard, GetCardDashboard
from contracts.ledger import CloseWallet, FreezeWallet
from contracts.payments import PaymentCard
from tests.workers.payments.conftest import CUSTOMER, OWNER, Card, Market, Shop


async def test_an_automatic_payment_moves_the_money_less_the_fee(market: Market) -> None:
    shop, card = await market.shop(fixed=10, basis_points=250), await market.card(funds=5_000)
    reply = await market.pay(shop, card, 1_000, reference="order-1", description="Shoes", metadata={"shelf": "9"})
    assert reply.status == "succeeded"
    assert reply.result is not None
    about = {name: reply.result[name] for name in ("status", "amount_captured", "fee", "reference", "metadata")}
    assert about == {
        "status": "captured",
        "amount_captured": 1_000,
        "fee": 35,
        "reference": "order-1",
        "metadata": {"shelf": "9"},
    }
    assert await market.balances(card, shop) == ((4_000, 0), (965, 0), 35)
    assert await market.kinds(CUSTOMER, card.wallet) == [("payment", -1_000), ("top_up", 5_000)]
    assert await market.kinds(OWNER, shop.wallet) == [("fee", -35), ("payment", 1_000)]
    await market.is_sound()


async def test_a_manual_payment_sets_the_money_aside(market: Market) -> None:
    shop, card = await market.shop(fixed=10), await market.card(funds=5_000)
    reply = await market.pay(shop, card, 1_000, capture="manual")
    assert reply.result is not None
    assert (reply.result["status"], reply.result["amount_captured"]) == ("authorized", 0)
    assert await market.balances(card, shop) == ((5_000, 1_000), (0, 0), 0)


async def test_card_data_pays_like_the_card(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    token = (await market.token(card, shop)).result
    assert token is not None
    named = PaymentCard(token=token["token"])
    key = await market.paid(shop, named)
    assert (await market.get(key, shop.id))["card"] == {"id": None, "brand": "visa", "last4": card.printed["pan"][-4:]}
    assert (await market.get(key, CUSTOMER))["card"]["id"] == card.id
    assert await market.balances(card, shop) == ((4_000, 0), (1_000, 0), 0)
    reply = await market.pay(shop, named)
    assert reply.problem is not None
    assert reply.problem.code == "card_token_invalid"
    assert await market.balances(card, shop) == ((4_000, 0), (1_000, 0), 0)


async def test_what_the_edge_declined_is_a_failed_payment(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    wrong = await market.token(card, shop, cvv="000" if card.printed["cvv"] != "000" else "001")
    assert wrong.problem is not None
    assert wrong.problem.code == "declined"
    reply = await market.pay(shop, PaymentCard(declined=True), reference="order-1")
    assert reply.problem is not None
    assert reply.problem.code == "declined"
    [left] = await market.listed(shop.id)
    assert (left["status"], left["failure"]["code"], left["card"]) == ("failed", "declined", None)
    assert await market.listed(OWNER) == [left]
    assert (await market.pay(shop, card, reference="order-1")).status == "succeeded"


async def refusals(market: Market, shop: Shop, card: Card, amount: int = 1_000) -> str:
    """The code of a refused payment, which exists as failed, held nothing and spent nothing."""
    before = await market.balances(card, shop)
    reply = await market.pay(shop, card, amount)
    assert reply.problem is not None, reply
    newest = (await market.listed(shop.id))[0]
    assert newest["status"] == "failed"
    assert newest["failure"] == {"code": reply.problem.code, "detail": reply.problem.detail}
    assert await market.balances(card, shop) == before
    dashboard = await market.done(GetCardDashboard(card_id=card.id), card.owner)
    assert dashboard["total"]["amount"] == 0
    return reply.problem.code


async def test_too_little_money(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=999)
    assert await refusals(market, shop, card) == "insufficient_funds"
    assert [one["failure"]["code"] for one in await market.listed(CUSTOMER)] == ["insufficient_funds"]


async def test_a_merchant_that_is_not_active(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    await market.suspend(shop)
    assert await refusals(market, shop, card) == "merchant_not_active"
    assert await market.listed(CUSTOMER) == []


async def test_cards_that_can_not_be_used(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    await market.done(FreezeCard(card_id=card.id), CUSTOMER)
    assert await refusals(market, shop, card) == "card_frozen"
    expired = await market.card(funds=5_000)
    await market.rows.execute("UPDATE cards.cards SET expires_at = now() WHERE id = $1", expired.id)
    assert await refusals(market, shop, expired) == "card_expired"
    canceled = await market.card(funds=5_000)
    await market.done(CancelCard(card_id=canceled.id), CUSTOMER)
    assert await refusals(market, shop, canceled) == "card_canceled"
    none = await market.pay(shop, PaymentCard(id="crd_none"))
    assert none.problem is not None
    assert none.problem.code == "not_found"


async def test_limits_are_the_cards_and_count_what_is_paid(market: Market) -> None:
    shop = await market.shop()
    card = await market.card(funds=5_000, limits=CardLimits(per_payment=900, daily=1_000))
    assert await refusals(market, shop, card, 901) == "limit_exceeded"
    await market.paid(shop, card, 900)
    reply = await market.pay(shop, card, 101)
    assert reply.problem is not None
    assert reply.problem.code == "limit_exceeded"
    await market.paid(shop, card, 100)


async def test_wallets_that_can_not_pay_or_be_paid(market: Market) -> None:
    shop, card = await market.shop(), await market.card(funds=5_000)
    await market.done(FreezeWallet(wallet_id=card.wallet), CUSTOMER)
    assert await refusals(market, shop, card) == "wallet_frozen"
    other = await market.card(funds=5_000)
    await market.done(CloseWallet(wallet_id=shop.wallet), OWNER)
    assert await refusals(market, shop, other) == "wallet_closed"


async def test_an_owner_who_buys_from_their_own_shop_sees_it_once(market: Market) -> None:
    shop = await market.shop()
    card = await market.card(OWNER, funds=5_000)
    await market.paid(shop, card)
    assert (await market.listed(OWNER))[0]["fee"] == 0
    assert len(await market.listed(OWNER)) == 1


async def test_a_reference_is_taken_once(market: Market) -> None:
    shop, other, card = await market.shop(), await market.shop(), await market.card(funds=5_000)
    orders = [market.order(card, 100, reference="order-1") for _ in range(20)]
    replies = await market.at_once(*orders, caller=shop.id)
    assert sum(reply.status == "succeeded" for reply in replies) == 1
    assert {reply.problem.code for reply in replies if reply.problem} == {"reference_taken"}
    assert len(await market.listed(shop.id)) == 1
    await market.paid(other, card, 100, reference="order-1")


async def test_the_same_operation_pays_once(either: Market) -> None:
    shop, card = await either.shop(fixed=10), await either.card(funds=5_000)
    replies = await either.repeated(either.order(card, 1_000), shop.id)
    assert {reply.status for reply in replies} == {"succeeded"}
    assert all(reply.result == replies[0].result for reply in replies)
    assert await either.balances(card, shop) == ((4_000, 0), (990, 0), 10)
    await either.is_sound()


async def test_a_crowd_never_overdraws(either: Market) -> None:
    shop, card = await either.shop(basis_points=1_000), await either.card(funds=1_000)
    replies = await either.at_once(*(either.order(card, 300) for _ in range(20)), caller=shop.id)
    assert sum(reply.status == "succeeded" for reply in replies) == 3
    assert {reply.problem.code for reply in replies if reply.problem} == {"insufficient_funds"}
    assert await either.balances(card, shop) == ((100, 0), (810, 0), 90)
    await either.is_sound()
