"""What a payment may become, what each move leaves for the next, and who sees what of it."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.identity import PermissionDenied
from contracts.message import Command, NotFound, Refusal
from contracts.payments import (
    CaptureRequested,
    CheckoutCard,
    CompleteCapture,
    CompleteRefund,
    CompleteRelease,
    ExpirePayment,
    FailCapture,
    FailPayment,
    FailRefund,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCard,
    PaymentExpired,
    PaymentFailed,
    PaymentOrder,
    PaymentRequested,
    PaymentView,
    PaymentVoided,
    ReferenceTaken,
    RefundFailed,
    RefundRequested,
    RefundSucceeded,
    RefundView,
    ReleaseRequested,
    RequestCapture,
    RequestPayment,
    RequestRefund,
    RequestVoid,
)
from tests.rules.payments.till import CARD, CUSTOMER, OWNER, SHOP, Till, terms
from workers.payments import policy, views
from workers.payments.policy import Policy

WEEK = timedelta(days=7)


@pytest.fixture
def till() -> Till:
    return Till()


def capture(till: Till, key: str, amount: int | None = None, **options: Any) -> PaymentView:
    """A capture, to its end."""
    till.do(RequestCapture(payment_id=key, amount=amount, **options))
    return till.do(CompleteCapture(payment_id=key, capture_id=till.heard(CaptureRequested).capture_id))


def refund(till: Till, key: str, amount: int | None = None) -> RefundView:
    """A refund, to its end."""
    till.do(RequestRefund(payment_id=key, amount=amount))
    return till.do(CompleteRefund(payment_id=key, refund_id=till.heard(RefundRequested).refund_id))


def void(till: Till, key: str) -> PaymentView:
    """A void, to its end."""
    till.do(RequestVoid(payment_id=key))
    return till.do(CompleteRelease(payment_id=key))


def expire(till: Till, key: str) -> PaymentView:
    """An expiry, to its end."""
    till.pass_time(WEEK)
    till.do(ExpirePayment(payment_id=key))
    return till.do(CompleteRelease(payment_id=key))


def fail(till: Till, key: str, code: str = "insufficient_funds") -> PaymentView:
    return till.do(FailPayment(payment_id=key, code=code, detail="Too little."))


def fee(till: Till, key: str) -> int:
    return till.payment(key).fee - till.payment(key).fee_returned


def refused(till: Till, command: Command[Any], by: str = SHOP) -> tuple[str, str]:
    """Code and detail of the refusal, which leaves everything as it was."""
    before = till.state()
    with pytest.raises(Refusal) as caught:
        till.do(command, by)
    assert till.state() == before
    problem = caught.value.problem()
    assert problem.kind in ("conflict", "forbidden", "not_found")
    return problem.code, problem.detail


class TestRequest:
    def test_it_is_pending_and_its_merchants(self, till: Till) -> None:
        key = till.request(reference="order-1", metadata={"shelf": "9"})
        payment = till.payment(key)
        assert (payment.status, payment.merchant_id, payment.customer) == ("pending", SHOP, None)
        asked = till.heard(PaymentRequested)
        assert (asked.card_id, asked.token, asked.declined) == ("crd_1", None, False)
        assert (asked.merchant_id, asked.amount, asked.capture) == (SHOP, 1_000, "automatic")

    def test_people_make_none(self, till: Till) -> None:
        asked = RequestPayment(card=PaymentCard(id="crd_1"), amount=1, currency="IDR")
        assert refused(till, asked, OWNER)[0] == "permission_denied"

    def test_a_reference_is_unique_among_a_merchants_payments(self, till: Till) -> None:
        first = till.request(reference="order-1")
        with pytest.raises(ReferenceTaken):
            till.request(reference="order-1")
        till.request(reference="order-2")
        till.request(reference=None)
        till.request(reference=None)
        asked = RequestPayment(card=PaymentCard(id="crd_1"), amount=1, currency="IDR", reference="order-1")
        till.do(asked, "mer_other")
        fail(till, first)
        assert till.payment(till.request(reference="order-1")).reference == "order-1"
        assert till.payment(first).reference == "order-1"

    @pytest.mark.parametrize(
        "card", [{}, {"id": "crd_1", "pan": "4" * 16}, {"pan": "4" * 16, "cvv": "123", "exp_month": 1}]
    )
    def test_a_card_is_named_one_way(self, card: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match="by its id, or by"):
            CheckoutCard.model_validate(card)

    def test_card_data_is_shown_to_nobody(self) -> None:
        card = {"pan": "4" * 16, "cvv": "123", "exp_month": 1, "exp_year": 2030}
        order = PaymentOrder.model_validate({"card": card, "amount": 1, "currency": "IDR"})
        assert "4444" not in repr(order)
        assert "123" not in repr(order)


class TestOutcome:
    def test_an_automatic_payment_is_captured(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10, basis_points=250)
        view = views.of(till.payment(key))
        assert (view.status, view.amount_captured, view.fee) == ("captured", 1_000, 35)
        assert view.completed_at == view.authorized_at is not None
        told = till.heard(PaymentCaptured)
        assert (told.amount, told.owner, told.customer, told.payment) == (1_000, OWNER, CUSTOMER, view)
        assert till.timers == []

    def test_a_manual_payment_is_authorised_for_a_week(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10, capture="manual")
        view = till.heard(PaymentAuthorized).payment
        assert (view.status, view.amount_captured, view.fee, view.completed_at) == ("authorized", 0, 0, None)
        assert view.expires_at == till.world.now + WEEK
        [timer] = till.timers
        assert (timer.queue, timer.due_at) == ("payments.commands", view.expires_at)
        assert till.payment(key).timer_id == timer.id

    def test_a_failed_payment_says_why_to_whom_it_concerns(self, till: Till) -> None:
        key = till.request(card=PaymentCard(token="tok_1"))
        words = {"payment_id": key, "code": "limit_exceeded", "detail": "Too much."}
        till.do(FailPayment.model_validate(words | {"merchant": terms(till.fee()), "card": CARD}))
        told = till.heard(PaymentFailed)
        assert (told.owner, told.customer) == (OWNER, CUSTOMER)
        assert told.payment.failure is not None
        assert told.payment.failure.code == "limit_exceeded"

    def test_the_last_word_again_changes_nothing(self, till: Till) -> None:
        done, failed = till.paid(), till.request()
        fail(till, failed)
        before = till.state()
        till.complete(done)
        fail(till, failed, "other")
        assert till.state() == before

    def test_the_two_last_words_exclude_each_other(self, till: Till) -> None:
        done, failed = till.paid(), till.request()
        fail(till, failed)
        with pytest.raises(AssertionError):
            fail(till, done)
        with pytest.raises(AssertionError):
            till.complete(failed)


class TestCapture:
    def test_all_of_it(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10, basis_points=250, capture="manual")
        view = capture(till, key)
        assert (view.status, view.amount_captured, view.fee) == ("captured", 1_000, 35)
        assert not till.heard(CaptureRequested).final
        assert till.timers == []

    def test_a_part_gives_back_the_rest(self, till: Till) -> None:
        key = till.paid(1_000, capture="manual")
        view = capture(till, key, 400)
        assert (view.status, view.amount_captured) == ("captured", 400)
        assert till.heard(CaptureRequested).final

    def test_several_parts_when_asked_for(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10, basis_points=1, capture="manual")
        views_ = [capture(till, key, 300, final=False) for _ in range(3)]
        assert [one.status for one in views_] == ["authorized"] * 3
        assert [one.fee for one in views_] == [10, 10, 10]
        assert refused(till, RequestCapture(payment_id=key, amount=101))[0] == "capture_exceeds_authorized"
        last = capture(till, key, final=False)
        assert (last.status, last.amount_captured, last.fee) == ("captured", 1_000, 10)

    def test_a_fee_in_parts_is_the_fee_on_the_whole(self, till: Till) -> None:
        key = till.paid(999, fixed=7, basis_points=333, capture="manual")
        for part in (1, 5, 500, 493):
            capture(till, key, part, final=False)
        assert fee(till, key) == till.fee(fixed=7, basis_points=333).on(999)

    def test_parts_run_side_by_side_but_nothing_beside_what_gives_back(self, till: Till) -> None:
        key = till.paid(1_000, capture="manual")
        till.do(RequestCapture(payment_id=key, amount=300, final=False))
        till.do(RequestCapture(payment_id=key, amount=300, final=False))
        assert refused(till, RequestCapture(payment_id=key, amount=300))[0] == "payment_busy"
        assert refused(till, RequestVoid(payment_id=key))[0] == "payment_busy"
        till.do(RequestCapture(payment_id=key))
        code, detail = refused(till, RequestCapture(payment_id=key))
        assert code == "already_captured"
        assert "authorized" in detail

    def test_a_failed_part_can_be_captured_again(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10, capture="manual")
        till.do(RequestCapture(payment_id=key, amount=400))
        failed = FailCapture(
            payment_id=key, capture_id=till.heard(CaptureRequested).capture_id, code="wallet_frozen", detail="Frozen."
        )
        assert till.do(failed).status == "authorized"
        assert till.do(failed).status == "authorized"
        assert capture(till, key).fee == 10


class TestGivingBack:
    def test_a_void_gives_back_what_is_held_and_spent(self, till: Till) -> None:
        key = till.paid(capture="manual")
        till.do(RequestVoid(payment_id=key))
        asked = till.heard(ReleaseRequested)
        assert (asked.wallet_id, asked.spend_on, asked.ending) == ("wal_customer", "crd_1", "void")
        assert refused(till, RequestCapture(payment_id=key))[0] == "payment_busy"
        view = till.do(CompleteRelease(payment_id=key))
        assert (view.status, till.heard(PaymentVoided).payment) == ("voided", view)
        assert till.timers == []

    def test_what_was_captured_stays(self, till: Till) -> None:
        key = till.paid(1_000, capture="manual")
        capture(till, key, 400, final=False)
        view = void(till, key)
        assert till.heard(ReleaseRequested).spend_on is None
        assert (view.status, view.amount_captured) == ("captured", 400)

    def test_it_expires_after_a_week(self, till: Till) -> None:
        key = till.paid(capture="manual")
        till.pass_time(WEEK - timedelta(seconds=1))
        till.do(ExpirePayment(payment_id=key))
        assert till.payment(key).closing is None
        till.pass_time(timedelta(seconds=1))
        code, detail = refused(till, RequestCapture(payment_id=key))
        assert code == "already_expired"
        assert "authorization is expired" in detail
        till.do(ExpirePayment(payment_id=key))
        view = till.do(CompleteRelease(payment_id=key))
        assert (view.status, till.heard(PaymentExpired).payment) == ("expired", view)

    def test_an_expiry_waits_for_a_capture_and_finds_what_it_left(self, till: Till) -> None:
        key = till.paid(1_000, capture="manual")
        till.do(RequestCapture(payment_id=key, amount=400, final=False))
        till.pass_time(WEEK)
        till.do(ExpirePayment(payment_id=key))
        assert till.payment(key).closing is None
        till.do(CompleteCapture(payment_id=key, capture_id=till.heard(CaptureRequested).capture_id))
        view = expire(till, key)
        assert (view.status, view.amount_captured) == ("captured", 400)

    def test_a_timer_that_comes_late_finds_nothing_to_do(self, till: Till) -> None:
        key = till.paid(capture="manual")
        capture(till, key)
        said = len(till.said)
        assert till.do(ExpirePayment(payment_id=key)).status == "captured"
        assert (len(till.said), till.timers) == (said, [])

    def test_the_policy_says_how_long(self, till: Till) -> None:
        policy.use(Policy(authorized_for=timedelta(minutes=5)))
        try:
            key = till.paid(capture="manual")
        finally:
            policy.use(Policy())
        assert till.payment(key).expires_at == till.world.now + timedelta(minutes=5)


class TestRefund:
    def test_all_of_it_returns_the_fee(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10, basis_points=250)
        view = refund(till, key)
        assert (view.status, view.amount, view.fee) == ("succeeded", 1_000, 35)
        payment = till.heard(RefundSucceeded).payment
        assert (payment.status, payment.amount_refunded, payment.fee) == ("refunded", 1_000, 0)

    def test_parts_return_their_part_of_the_fee_and_the_last_one_the_rest(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10)
        fees = [refund(till, key, 333).fee for _ in range(3)]
        assert fees == [3, 3, 3]
        assert till.payment(key).status == "partially_refunded"
        assert refund(till, key).fee == 1
        assert till.payment(key).status == "refunded"

    def test_the_policy_may_keep_the_fee(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10)
        policy.use(Policy(refund_fees="kept"))
        try:
            assert refund(till, key).fee == 0
        finally:
            policy.use(Policy())
        assert fee(till, key) == 10

    def test_never_more_than_was_captured_even_before_they_are_done(self, till: Till) -> None:
        key = till.paid(1_000)
        till.do(RequestRefund(payment_id=key, amount=600))
        code, detail = refused(till, RequestRefund(payment_id=key, amount=401))
        assert code == "refund_exceeds_captured"
        assert "400" in detail
        till.do(RequestRefund(payment_id=key))
        assert refused(till, RequestRefund(payment_id=key))[0] == "already_refunded"

    def test_a_failed_refund_can_be_tried_again(self, till: Till) -> None:
        key = till.paid(1_000, fixed=10)
        till.do(RequestRefund(payment_id=key, reason="Broken."))
        refund_id = till.heard(RefundRequested).refund_id
        failed = FailRefund(payment_id=key, refund_id=refund_id, code="insufficient_funds", detail="Too little.")
        view = till.do(failed)
        assert view.failure is not None
        assert (view.status, view.failure.code, view.reason) == ("failed", "insufficient_funds", "Broken.")
        assert till.heard(RefundFailed).payment.status == "captured"
        assert refund(till, key).status == "succeeded"

    def test_what_is_captured_in_parts_can_be_refunded_before_the_rest(self, till: Till) -> None:
        key = till.paid(1_000, capture="manual")
        capture(till, key, 400, final=False)
        refund(till, key, 100)
        assert till.payment(key).status == "authorized"
        assert void(till, key).status == "partially_refunded"


class TestIllegalMoves:
    @pytest.mark.parametrize(
        ("state", "captures", "voids", "refunds"),
        [
            ("pending", "payment_pending", "payment_pending", "payment_pending"),
            ("authorized", None, None, "not_captured"),
            ("captured", "already_captured", "already_captured", None),
            ("partially_refunded", "already_captured", "already_captured", None),
            ("refunded", "already_captured", "already_captured", "already_refunded"),
            ("voided", "already_voided", "already_voided", "already_voided"),
            ("expired", "already_expired", "already_expired", "already_expired"),
            ("failed", "already_failed", "already_failed", "already_failed"),
        ],
    )
    def test_they_are_refused_with_the_state(
        self, till: Till, state: str, captures: str | None, voids: str | None, refunds: str | None
    ) -> None:
        key = self.in_state(till, state)
        moves: list[Command[Any]] = [
            RequestCapture(payment_id=key),
            RequestVoid(payment_id=key),
            RequestRefund(payment_id=key),
        ]
        for move, expected in zip(moves, (captures, voids, refunds), strict=True):
            if expected is not None:
                code, detail = refused(till, move)
                assert (code, state in detail) == (expected, True)

    @staticmethod
    def in_state(till: Till, state: str) -> str:
        if state in ("pending", "failed"):
            key = till.request()
            if state == "failed":
                fail(till, key)
            return key
        key = till.paid(capture="automatic" if "refunded" in state or state == "captured" else "manual")
        if state == "partially_refunded":
            refund(till, key, 1)
        ends: dict[str, Any] = {"refunded": refund, "voided": void, "expired": expire}
        if state in ends:
            ends[state](till, key)
        assert till.payment(key).status == state
        return key


class TestSides:
    def test_only_the_merchant_moves_it(self, till: Till) -> None:
        key = till.paid(capture="manual")
        capturing = RequestCapture(payment_id=key, amount=1, final=False)
        moves: list[Command[Any]] = [capturing, RequestVoid(payment_id=key), RequestRefund(payment_id=key)]
        for move in moves:
            assert refused(till, move, "usr_stranger") == ("not_found", NotFound.detail)
            assert refused(till, move, "mer_other") == ("not_found", NotFound.detail)
            assert refused(till, move, CUSTOMER)[0] == PermissionDenied.code()
        till.do(capturing, OWNER)

    def test_those_who_oversee_look_and_do_not_move(self, till: Till) -> None:
        key = till.paid()
        with pytest.raises(PermissionDenied):
            till.do(RequestRefund(payment_id=key), "usr_support", oversees=True)

    def test_the_fee_is_the_merchants_and_the_card_the_customers(self, till: Till) -> None:
        key = till.paid(fixed=10, card=PaymentCard(token="tok_1"), metadata={"shelf": "9"}, description="Shoes")
        payment = till.payment(key)
        shop, owner, customer, support = (
            views.of(payment, till.caller(*who)) for who in ((SHOP,), (OWNER,), (CUSTOMER,), ("usr_x", True))
        )
        assert [one.fee for one in (shop, owner, customer, support)] == [10, 10, None, 10]
        assert [one.metadata for one in (shop, customer)] == [{"shelf": "9"}, {}]
        assert [one.card and one.card.id for one in (shop, owner, customer, support)] == [None, None, "crd_1", "crd_1"]
        assert {one.description for one in (shop, customer)} == {"Shoes"}

    def test_a_card_that_the_merchant_named_it_sees(self, till: Till) -> None:
        view = views.of(till.payment(till.paid()))
        assert view.card is not None
        assert (view.card.id, view.card.last4) == ("crd_1", "4242")
