"""Whatever is done to a payment in whatever order, it agrees with a model that a child could keep."""

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.message import Command, Refusal
from contracts.payments import (
    CaptureRequested,
    CompleteCapture,
    CompleteRefund,
    CompleteRelease,
    ExpirePayment,
    FailCapture,
    FailRefund,
    FailRelease,
    RefundRequested,
    ReleaseRequested,
    RequestCapture,
    RequestRefund,
    RequestVoid,
)
from tests.rules.payments.till import Till
from workers.payments import policy

Move = CaptureRequested | ReleaseRequested | RefundRequested

parts = st.none() | st.integers(1, 120)


class AnyOrder(RuleBasedStateMachine):
    """Moves are asked for, go through or don't, late and in any order; what is held and paid is counted apart."""

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        self.under_way: list[Move] = []
        self.last_words: list[Command[Any]] = []
        self.captured = self.refunded = self.shop = self.fees = 0

    @initialize(amount=st.integers(1, 200), fixed=st.integers(0, 30), share=st.integers(0, 10_000))
    def authorize(self, amount: int, fixed: int, share: int) -> None:
        self.key = self.till.paid(amount, fixed=fixed, basis_points=share, capture="manual")
        self.amount = self.held = amount

    @rule(part=parts, final=st.booleans())
    def capture(self, part: int | None, final: bool) -> None:  # noqa: FBT001
        left = self.held - self.of(CaptureRequested)
        wanted = left if part is None else part
        gives_back = final and wanted < left
        possible = self.open and 0 < wanted <= left and not (gives_back and self.of(CaptureRequested))
        taken = self.asked(RequestCapture(payment_id=self.key, amount=part, final=final))
        assert (taken is not None) == possible
        if taken is not None:
            assert isinstance(taken, CaptureRequested)
            assert (taken.amount, taken.final) == (wanted, gives_back)

    @rule()
    def void(self) -> None:
        possible = self.open and not self.of(CaptureRequested)
        taken = self.asked(RequestVoid(payment_id=self.key))
        assert (taken is not None) == possible

    @rule(part=parts)
    def refund(self, part: int | None) -> None:
        left = self.captured - self.refunded - self.of(RefundRequested)
        wanted = left if part is None else part
        taken = self.asked(RequestRefund(payment_id=self.key, amount=part))
        assert (taken is not None) == (0 < wanted <= left)
        if taken is not None:
            assert isinstance(taken, RefundRequested)
            assert taken.amount == wanted

    @rule(days=st.integers(1, 5))
    def time_passes(self, days: int) -> None:
        self.till.pass_time(timedelta(days=days))
        for timer in self.till.due():
            self.asked(ExpirePayment(payment_id=self.key))
            assert timer not in self.till.timers

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), goes=st.booleans())
    def a_move_ends(self, data: st.DataObject, goes: bool) -> None:  # noqa: FBT001
        move = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        word = self.moved(move) if goes else None
        word = word or self.refused(move)
        self.till.do(word)
        self.last_words.append(word)

    @precondition(lambda self: self.last_words)
    @rule(data=st.data())
    def a_last_word_comes_again(self, data: st.DataObject) -> None:
        word = data.draw(st.sampled_from(self.last_words))
        if isinstance(word, FailRelease) and self.till.payment(self.key).closing:
            return
        before, said = self.till.payment(self.key), len(self.till.said)
        self.till.do(word)
        assert (self.till.payment(self.key), len(self.till.said)) == (before, said)

    @invariant()
    def its_amounts_are_the_models(self) -> None:
        payment = self.till.payment(self.key)
        assert (payment.captured, payment.refunded) == (self.captured, self.refunded)
        assert (payment.capturing, payment.refunding) == (self.of(CaptureRequested), self.of(RefundRequested))
        assert payment.captured + payment.capturing <= payment.amount
        assert payment.refunded + payment.refunding <= payment.captured
        assert payment.fee - payment.fee_returned == self.fees
        assert payment.fee_returned + payment.fee_returning <= payment.fee <= payment.captured

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        given_back = self.amount - self.held - self.captured
        assert self.shop + self.fees == self.captured - self.refunded
        assert given_back == 0 or self.held == 0
        assert min(self.shop, self.fees, self.held, given_back) >= 0

    @invariant()
    def its_status_says_what_has_become_of_it(self) -> None:
        payment = self.till.payment(self.key)
        if self.held:
            assert payment.status == "authorized"
        elif not self.captured:
            assert payment.status in ("voided", "expired")
        else:
            assert (payment.status == "captured") == (self.refunded == 0)
            assert (payment.status == "refunded") == (self.refunded == self.captured)
        assert (payment.status == "authorized") == (payment.completed_at is None) == bool(payment.timer_id)
        assert [timer.id for timer in self.till.timers] == ([payment.timer_id] if payment.timer_id else [])

    def asked(self, command: Command[Any]) -> Move | None:
        """What the command has set in motion, if anything."""
        before = len(self.till.said)
        try:
            self.till.do(command)
        except Refusal:
            assert len(self.till.said) == before
            return None
        new = [one for one in self.till.said[before:] if isinstance(one, Move)]
        self.under_way += new
        return new[0] if new else None

    def moved(self, move: Move) -> Command[Any] | None:
        """Do to the model what the ledger would; None where it says no."""
        if isinstance(move, ReleaseRequested):
            self.held = 0
            return CompleteRelease(payment_id=self.key)
        net = move.amount - move.fee
        if isinstance(move, CaptureRequested):
            assert move.amount <= self.held, "the ledger would have to be the one that says no"
            self.held = 0 if move.final else self.held - move.amount
            self.captured, self.shop, self.fees = self.captured + move.amount, self.shop + net, self.fees + move.fee
            return CompleteCapture(payment_id=self.key, capture_id=move.capture_id)
        if net > self.shop:
            return None
        self.refunded, self.shop, self.fees = self.refunded + move.amount, self.shop - net, self.fees - move.fee
        return CompleteRefund(payment_id=self.key, refund_id=move.refund_id)

    def refused(self, move: Move) -> Command[Any]:
        why = {"code": "wallet_frozen", "detail": "The receiving wallet is frozen."}
        if isinstance(move, CaptureRequested):
            return FailCapture(payment_id=self.key, capture_id=move.capture_id, **why)
        if isinstance(move, ReleaseRequested):
            return FailRelease(payment_id=self.key)
        return FailRefund(payment_id=self.key, refund_id=move.refund_id, **why)

    def of(self, kind: type[CaptureRequested | RefundRequested]) -> int:
        """How much of such moves is under way."""
        return sum(one.amount for one in self.under_way if isinstance(one, kind))

    @property
    def open(self) -> bool:
        """Whether money is held, in time, and nothing is about to give it back."""
        closing = any(isinstance(one, ReleaseRequested) or getattr(one, "final", False) for one in self.under_way)
        age = self.till.world.now - self.till.payment(self.key).created_at
        return self.held > 0 and not closing and age < policy.current().authorized_for


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
