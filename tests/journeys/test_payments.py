"""Payments as shops and customers meet them, from the checkout to the last refund."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.people import Answer, Json, Person, key
from tests.shops import Shop, by_id, printed, wrong_code
from tests.system import eventually


@pytest.fixture
async def shop(ani: Person, admin: Person) -> Shop:
    """Ani's, which pays 10 and 2.5 % for a payment."""
    return await Shop.opened(ani, admin, fixed=10, basis_points=250)


@pytest.fixture
async def card(budi: Person) -> Json:
    """Budi's, on a wallet with money."""
    return await budi.issue(await budi.open(funds=5_000))


async def balances(shop: Shop, budi: Person, card: Json) -> tuple[Any, Any]:
    """Posted and held at both ends."""
    theirs, mine = await budi.balance(card["wallet_id"]), await shop.owner.balance(shop.wallet)
    return theirs[:2], mine[:2]


async def test_a_payment_is_taken_and_seen_by_both_sides(shop: Shop, budi: Person, card: Json) -> None:
    fields = {"reference": "order-1", "description": "Beans", "metadata": {"shelf": "9"}}
    made = await shop.pay(by_id(card), fields=fields)
    assert made.status == 201, made
    payment = made.json
    assert made.headers["Location"] == f"/v1/payments/{payment['id']}"
    expected = {"status": "captured", "amount": 1_000, "amount_captured": 1_000, "amount_refunded": 0, "fee": 35}
    assert expected.items() <= payment.items()
    assert (fields | {"merchant_id": shop.merchant}).items() <= payment.items()
    assert payment["card"] == {"id": card["id"], "brand": "visa", "last4": card["last4"]}
    for viewer in (shop, shop.owner):
        assert await viewer.read(made.headers["Location"]) == payment
    seen = await budi.read(made.headers["Location"])
    assert (seen["fee"], seen["metadata"], seen["merchant_name"]) == (None, {}, "Kopi")
    assert [one["id"] for one in await budi.listed(f"/v1/payments?card_id={card['id']}")] == [payment["id"]]
    assert await balances(shop, budi, card) == ((4_000, 0), (965, 0))


async def test_an_accepted_payment_is_told_by_its_operation(shop: Shop, budi: Person, card: Json) -> None:
    accepted = await shop.pay(by_id(card), prefer=None)
    assert accepted.status == 202
    operation = await shop.outcome(accepted.json["id"], at=1)
    assert (operation["type"], operation["status"]) == ("payments.RequestPayment", "succeeded")
    assert operation["result"]["status"] == "captured"
    assert (await budi.get(f"/v1/operations/{accepted.json['id']}")).status == 404


async def test_card_data_pays_once_for_one_key(shop: Shop, budi: Person, card: Json) -> None:
    mine = key()
    answers = [await shop.pay(printed(card), key=mine, at=at) for at in (0, 1, 0)]
    assert [answer.status for answer in answers] == [201] * 3
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    other = await shop.pay(printed(card, cvv=wrong_code(card)), key=mine)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert answers[0].json["card"]["id"] is None
    assert await balances(shop, budi, card) == ((4_000, 0), (965, 0))


async def test_a_wrong_code_is_declined_and_guessing_is_stopped(shop: Shop, budi: Person, card: Json) -> None:
    mine, wrong = key(), printed(card, cvv=wrong_code(card))
    refused = [await shop.pay(wrong, key=mine) for _ in range(2)]
    assert {(answer.status, answer.code) for answer in refused} == {(402, "declined")}
    dashboard = await budi.read(f"/v1/cards/{card['id']}/dashboard")
    assert dashboard["wrong_codes"] == 1
    [failed] = await shop.listed("/v1/payments?status=failed")
    assert (failed["failure"]["code"], failed["card"]) == ("declined", None)
    assert await shop.owner.listed("/v1/payments?status=failed") == [failed]

    async def stopped() -> bool:
        """Sooner or later even the right code is refused: by the card, or because of who asks."""
        await shop.pay(wrong)
        return (await shop.pay(printed(card), prefer="wait=20")).status in (402, 429)

    await eventually("the card protects itself", 60, stopped)
    assert (await budi.read(f"/v1/cards/{card['id']}/dashboard"))["blocked_until"] is not None


async def test_authorise_capture_and_refund(shop: Shop, budi: Person, card: Json) -> None:
    payment = await shop.authorize(by_id(card))
    assert await balances(shop, budi, card) == ((5_000, 1_000), (0, 0))
    part = await shop.move(payment, "capture", {"amount": 400, "final": False})
    assert (part.status, part.json["status"], part.json["amount_captured"]) == (200, "authorized", 400)
    rest = await shop.move(payment, "capture", {"amount": 500})
    assert (rest.status, rest.json["status"], rest.json["fee"]) == (200, "captured", 33)
    assert await balances(shop, budi, card) == ((4_100, 0), (867, 0))
    given = await shop.move(payment, "refunds", {"amount": 300, "reason": "Too bitter"})
    assert (given.status, given.json["status"], given.json["fee"]) == (201, "succeeded", 11)
    assert given.headers["Location"] == f"/v1/payments/{payment}/refunds/{given.json['id']}"
    assert await shop.read(given.headers["Location"]) == given.json
    assert (await budi.read(given.headers["Location"]))["fee"] is None
    whole = await shop.move(payment, "refunds")
    assert (whole.status, whole.json["amount"]) == (201, 600)
    assert (await shop.read(f"/v1/payments/{payment}"))["status"] == "refunded"
    assert [one["amount"] for one in await budi.listed(f"/v1/payments/{payment}/refunds")] == [600, 300]
    assert await balances(shop, budi, card) == ((5_000, 0), (0, 0))


async def test_what_is_not_possible_any_more_is_a_conflict(shop: Shop, budi: Person, card: Json) -> None:
    voided, captured = [await shop.authorize(by_id(card), 100) for _ in range(2)]
    early = await shop.move(captured, "refunds")
    assert (early.status, early.code) == (409, "not_captured")
    assert (await shop.move(voided, "void")).json["status"] == "voided"
    assert (await shop.move(captured, "capture")).json["status"] == "captured"
    refused = {
        (move, payment): await shop.move(payment, move)
        for payment, move in ((voided, "capture"), (voided, "void"), (captured, "capture"), (captured, "void"))
    }
    assert {answer.status for answer in refused.values()} == {409}
    assert Counter(answer.code for answer in refused.values()) == {"already_voided": 2, "already_captured": 2}
    assert all(answer.code.removeprefix("already_") in answer.json["detail"] for answer in refused.values())
    too_much = await shop.move(captured, "refunds", {"amount": 101})
    assert (too_much.status, too_much.code) == (409, "refund_exceeds_captured")
    assert await balances(shop, budi, card) == ((4_900, 0), (87, 0))


async def test_money_says_no(shop: Shop, budi: Person, card: Json) -> None:
    too_much = await shop.pay(by_id(card), 5_001)
    assert (too_much.status, too_much.code) == (402, "insufficient_funds")
    paid = (await shop.pay(by_id(card))).json["id"]
    elsewhere = await shop.owner.open()
    assert (await shop.owner.transfer(shop.wallet, elsewhere, 500)).status == 201
    poor = await shop.move(paid, "refunds")
    assert (poor.status, poor.code) == (402, "insufficient_funds")
    [failed] = await shop.listed(f"/v1/payments/{paid}/refunds")
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "insufficient_funds")
    assert (await shop.read(f"/v1/payments/{paid}"))["status"] == "captured"
    assert (await shop.owner.transfer(elsewhere, shop.wallet, 500)).status == 201
    assert (await shop.move(paid, "refunds")).status == 201
    assert await balances(shop, budi, card) == ((5_000, 0), (0, 0))


async def test_a_frozen_card_and_a_canceled_one_pay_nothing(shop: Shop, budi: Person, card: Json) -> None:
    await budi.post(f"/v1/cards/{card['id']}/freeze")
    frozen = await shop.pay(by_id(card))
    assert (frozen.status, frozen.code) == (403, "card_frozen")
    await budi.post(f"/v1/cards/{card['id']}/unfreeze")
    await budi.post(f"/v1/cards/{card['id']}/cancel")
    assert (await shop.pay(by_id(card))).code == "card_canceled"
    assert await balances(shop, budi, card) == ((5_000, 0), (0, 0))


async def test_a_reference_is_one_payment(shop: Shop, card: Json) -> None:
    fields = {"reference": "order-1"}
    assert (await shop.pay(by_id(card), 9_000, fields=fields)).status == 402
    assert (await shop.pay(by_id(card), fields=fields)).status == 201
    taken = await shop.pay(by_id(card), fields=fields)
    assert (taken.status, taken.code) == (409, "reference_taken")
    assert len(await shop.listed("/v1/payments?reference=order-1")) == 2


async def test_a_suspended_merchant_takes_nothing(shop: Shop, admin: Person, card: Json) -> None:
    await admin.post(f"/v1/merchants/{shop.merchant}/suspend", {"reason": "Complaints"})

    async def stopped() -> bool:
        return all([(await shop.get("/v1/payments", at=at)).status == 403 for at in (0, 1)])

    await eventually("its keys stop", 30, stopped)
    refused = await shop.pay(by_id(card))
    assert (refused.status, refused.code) == (403, "merchant_not_active")
    assert await shop.owner.listed("/v1/payments") == []


async def test_what_was_accepted_goes_on_when_its_key_is_revoked(shop: Shop, budi: Person, card: Json) -> None:
    accepted = [await shop.pay(by_id(card), 100, prefer="respond-async", at=number % 2) for number in range(5)]
    revoked = await shop.owner.call("DELETE", f"/v1/merchants/{shop.merchant}/api-keys/{shop.key_id}")
    assert revoked.status == 204

    async def stopped() -> bool:
        return all([(await shop.get("/v1/payments", at=at)).status == 401 for at in (0, 1)])

    await eventually("the key stops", 30, stopped)
    refused = await shop.pay(by_id(card), 100)
    assert (refused.status, refused.code) == (401, "api_key_invalid")
    _, shop.token = await shop.another_key()
    outcomes = [await shop.outcome(one.json["id"]) for one in accepted]
    assert {one["status"] for one in outcomes} == {"succeeded"}
    assert (await balances(shop, budi, card))[0] == (4_500, 0)


async def test_two_hundred_captures_and_refunds_take_and_give_what_there_is(
    shop: Shop, budi: Person, card: Json
) -> None:
    payment = await shop.authorize(by_id(card))
    body = {"amount": 10, "final": False}
    moves = [shop.move(payment, "capture", body, at=number % 2, prefer="wait=30") for number in range(200)]
    answers = await asyncio.gather(*moves)
    assert await outcomes(shop, answers) == {"succeeded": 100, "already_captured": 100}
    refunds = [shop.move(payment, "refunds", {"amount": 10}, at=n % 2, prefer="wait=30") for n in range(200)]
    assert await outcomes(shop, await asyncio.gather(*refunds)) == {"succeeded": 100, "already_refunded": 100}
    assert await balances(shop, budi, card) == ((5_000, 0), (0, 0))


async def outcomes(shop: Shop, answers: list[Answer]) -> Counter[str]:
    """How each ended, those that took longer than their callers would wait too."""
    found: Counter[str] = Counter()
    for answer in answers:
        if answer.status == 202:
            operation = await shop.outcome(answer.json["id"])
            found[operation["problem"]["code"] if operation["problem"] else operation["status"]] += 1
        else:
            found[answer.code if answer.status >= 400 else "succeeded"] += 1
    return found


class TestWhoMayWhat:
    @pytest.fixture
    async def other(self, budi: Person, admin: Person) -> Shop:
        """Another merchant's machine."""
        return await Shop.opened(budi, admin)

    async def test_other_merchants_and_other_people_find_nothing(
        self, shop: Shop, other: Shop, card: Json, meet: Any
    ) -> None:
        payment, stranger = await shop.authorize(by_id(card)), await meet()
        for nobody in (other, stranger):
            assert await nobody.listed("/v1/payments?status=authorized") == []
            answers = [
                await nobody.get(f"/v1/payments/{payment}"),
                await nobody.get(f"/v1/payments/{payment}/refunds"),
                await nobody.post(f"/v1/payments/{payment}/capture", key=key(), prefer="wait=20"),
                await nobody.post(f"/v1/payments/{payment}/void", key=key(), prefer="wait=20"),
                await nobody.post(f"/v1/payments/{payment}/refunds", key=key(), prefer="wait=20"),
            ]
            assert {(answer.status, answer.code) for answer in answers} == {(404, "not_found")}
        assert (await shop.read(f"/v1/payments/{payment}"))["status"] == "authorized"

    async def test_the_customer_looks_and_the_owner_moves(self, shop: Shop, budi: Person, card: Json) -> None:
        payment = await shop.authorize(by_id(card))
        for move in ("capture", "void", "refunds"):
            refused = await budi.post(f"/v1/payments/{payment}/{move}", key=key(), prefer="wait=20")
            assert (refused.status, refused.code) == (403, "permission_denied")
        owner = shop.owner
        captured = await owner.post(f"/v1/payments/{payment}/capture", key=key(), prefer="wait=20")
        assert (captured.status, captured.json["status"]) == (200, "captured")
        refunded = await owner.post(f"/v1/payments/{payment}/refunds", key=key(), prefer="wait=20")
        assert (refunded.status, refunded.json["status"]) == (201, "succeeded")

    async def test_people_take_no_payments(self, shop: Shop, card: Json) -> None:
        body = {"card": by_id(card), "amount": 5, "currency": "IDR"}
        refused = await shop.owner.post("/v1/payments", body, key=key(), prefer="wait=20")
        assert (refused.status, refused.code) == (403, "permission_denied")

    async def test_a_key_does_what_its_scopes_say(self, shop: Shop, card: Json) -> None:
        payment = await shop.authorize(by_id(card))
        _, shop.token = await shop.another_key("payments:read")
        assert (await shop.read(f"/v1/payments/{payment}"))["status"] == "authorized"
        moves = [await shop.move(payment, move) for move in ("capture", "void", "refunds")]
        assert {(one.status, one.code) for one in (await shop.pay(by_id(card)), *moves)} == {(403, "permission_denied")}

    async def test_a_key_may_poll_what_it_has_asked_for(self, shop: Shop, card: Json) -> None:
        _, shop.token = await shop.another_key("payments:create")
        accepted = await shop.pay(by_id(card), prefer="respond-async")
        assert (await shop.outcome(accepted.json["id"]))["status"] == "succeeded"

    async def test_operators_see_all_and_move_nothing(self, shop: Shop, admin: Person, card: Json) -> None:
        payment = await shop.authorize(by_id(card))
        assert (await admin.read(f"/v1/payments/{payment}"))["fee"] == 0
        assert payment in [one["id"] for one in await admin.listed(f"/v1/payments?merchant_id={shop.merchant}")]
        refused = await admin.post(f"/v1/payments/{payment}/capture", key=key(), prefer="wait=20")
        assert refused.status in (403, 404)
        assert (await shop.read(f"/v1/payments/{payment}"))["status"] == "authorized"


async def test_what_is_no_payment_makes_none(shop: Shop) -> None:
    changes: tuple[Json, ...] = (
        {"amount": 0},
        {"amount": 1.0},
        {"amount": "5"},
        {"currency": "XXX"},
        {"capture": "later"},
        {"reference": ""},
        {"metadata": {str(number): "x" for number in range(21)}},
        {"card": {}},
        {"card": {"id": "crd_1", "cvv": "123"}},
        {"merchant_id": "mer_1"},
        {"status": "captured"},
    )
    for changed in changes:
        body = {"card": {"id": "crd_1"}, "amount": 5, "currency": "IDR"} | changed
        refused = await shop.post("/v1/payments", body, key=key(), prefer="wait=5")
        assert (refused.status, refused.code) == (422, "validation_failed"), changed
    missing = await shop.post("/v1/payments", {"card": {"id": "crd_1"}, "amount": 5, "currency": "IDR"})
    assert (missing.status, missing.code) == (400, "idempotency_key_missing")
    assert await shop.listed("/v1/payments") == []
