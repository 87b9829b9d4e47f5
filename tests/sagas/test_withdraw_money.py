"""Every path of `WithdrawMoney`, and of the saga that mends its books."""

import pytest

from contracts.cards import CardFrozen, CardRef, ResolveCard
from contracts.ledger import (
    CreditWallet,
    InsufficientFunds,
    Leg,
    MoveInternally,
    PlaceHold,
    ReleaseHold,
    SettleHold,
    TakeBack,
    TakenView,
)
from contracts.message import Discarded, NotYet, OutcomeUnknown
from contracts.moving import Declined
from contracts.withdrawals import (
    BeginPayout,
    Canceled,
    CompleteWithdrawal,
    ConfirmPayout,
    CorrectWithdrawal,
    FailWithdrawal,
    PayoutEndView,
    SubmitPayout,
    WithdrawalContradicted,
    WithdrawalRequested,
)
from tests.sagas.kit import given
from workers.runtime.saga import Phase
from workers.sagas.correct_withdrawal import CorrectWithdrawalBooks
from workers.sagas.withdraw_money import WithdrawMoney

PAID = PayoutEndView(paid=True, amount=50_000)
NOT_PAID = PayoutEndView(paid=False, amount=50_000)


@pytest.fixture
def requested() -> WithdrawalRequested:
    return WithdrawalRequested(
        withdrawal_id="wdr_1",
        owner="usr_owner",
        wallet_id="wal_1",
        card_id=None,
        amount=50_000,
        fee=2_500,
        currency="IDR",
    )


def test_a_hold_becomes_a_payout_and_a_fee(requested: WithdrawalRequested) -> None:
    (
        given(WithdrawMoney, requested)
        .expect(PlaceHold, account_id="wal_1", owner="usr_owner", to=None, amount=52_500, currency="IDR")
        .reply()
        .expect(BeginPayout, wallet_id="wal_1")
        .reply()
        .expect(SubmitPayout, withdrawal_id="wdr_1")
        .reply()
        .expect(ConfirmPayout)
        .reply(PAID)
        .expect(
            SettleHold,
            legs=[Leg(to="clearing", amount=50_000, kind="withdrawal"), Leg(to="fees", amount=2_500, kind="fee")],
            currency="IDR",
            final=True,
        )
        .reply()
        .expect(CompleteWithdrawal)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_card_stands_for_its_wallet(requested: WithdrawalRequested) -> None:
    card = CardRef(card_id="crd_1", wallet_id="wal_9", owner="usr_owner", brand="visa", last4="4242")
    by_card = requested.model_copy(update={"wallet_id": None, "card_id": "crd_1"})
    (
        given(WithdrawMoney, by_card)
        .expect(ResolveCard, card_id="crd_1", owner="usr_owner")
        .reply(card)
        .expect(PlaceHold, account_id="wal_9")
        .reply()
        .expect(BeginPayout, wallet_id="wal_9")
    )
    (
        given(WithdrawMoney, by_card)
        .expect(ResolveCard)
        .refuse(CardFrozen())
        .expect(FailWithdrawal, code="card_frozen")
        .reply()
        .ends(Phase.FAILED)
    )


def test_what_is_not_there_is_not_submitted(requested: WithdrawalRequested) -> None:
    (
        given(WithdrawMoney, requested)
        .expect(PlaceHold)
        .refuse(InsufficientFunds())
        .expect(FailWithdrawal, code="insufficient_funds")
        .reply()
        .ends(Phase.FAILED)
    )


def test_what_was_canceled_is_given_back_and_never_submitted(requested: WithdrawalRequested) -> None:
    (
        given(WithdrawMoney, requested)
        .expect(PlaceHold)
        .reply()
        .expect(BeginPayout)
        .refuse(NotYet(retry_after_seconds=60))
        .expect(BeginPayout)
        .refuse(Canceled())
        .expect(ReleaseHold)
        .reply()
        .expect(FailWithdrawal, code="canceled")
        .reply()
        .ends(Phase.FAILED)
    )


def test_what_the_bank_refuses_is_given_back(requested: WithdrawalRequested) -> None:
    (
        given(WithdrawMoney, requested)
        .expect(PlaceHold)
        .reply()
        .expect(BeginPayout)
        .reply()
        .expect(SubmitPayout)
        .refuse(Declined())
        .expect(ReleaseHold)
        .reply()
        .expect(FailWithdrawal, code="declined")
        .reply()
        .ends(Phase.FAILED)
    )


def test_what_may_have_been_paid_is_asked_about_for_ever_and_never_released(requested: WithdrawalRequested) -> None:
    (
        given(WithdrawMoney, requested)
        .expect(PlaceHold)
        .reply()
        .expect(BeginPayout)
        .reply()
        .expect(SubmitPayout)
        .deadline()
        .still()
        .refuse(OutcomeUnknown(retry_after_seconds=30))
        .expect(SubmitPayout)
        .deadline()
        .still()
        .refuse(OutcomeUnknown(retry_after_seconds=60))
        .expect(SubmitPayout)
        .reply()
        .expect(ConfirmPayout)
        .refuse(NotYet(retry_after_seconds=30))
        .expect(ConfirmPayout)
        .deadline()
        .still()
        .reply(PAID)
        .expect(SettleHold)
        .refuse(Discarded())
        .expect(SettleHold)
        .reply()
        .expect(CompleteWithdrawal)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_what_comes_back_after_it_was_accepted_is_given_back(requested: WithdrawalRequested) -> None:
    (
        given(WithdrawMoney, requested)
        .expect(PlaceHold)
        .reply()
        .expect(BeginPayout)
        .reply()
        .expect(SubmitPayout)
        .reply()
        .expect(ConfirmPayout)
        .reply(NOT_PAID)
        .expect(ReleaseHold)
        .reply()
        .expect(FailWithdrawal, code="declined")
        .reply()
        .ends(Phase.COMPLETED)
    )


@pytest.mark.parametrize(
    ("paid", "debit", "credit"), [(49_900, "clearing", "suspense"), (50_100, "suspense", "clearing")]
)
def test_another_amount_is_balanced_at_suspense(
    requested: WithdrawalRequested, paid: int, debit: str, credit: str
) -> None:
    (
        given(WithdrawMoney, requested.model_copy(update={"fee": 0}))
        .expect(PlaceHold, amount=50_000)
        .reply()
        .expect(BeginPayout)
        .reply()
        .expect(SubmitPayout)
        .reply()
        .expect(ConfirmPayout)
        .reply(PayoutEndView(paid=True, amount=paid))
        .expect(SettleHold, legs=[Leg(to="clearing", amount=50_000, kind="withdrawal")])
        .reply()
        .expect(MoveInternally, debit=debit, credit=credit, amount=100, kind="withdrawal")
        .reply()
        .expect(CompleteWithdrawal)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_the_books_follow_what_the_bank_says_later() -> None:
    returned = WithdrawalContradicted(
        withdrawal_id="wdr_1", wallet_id="wal_1", amount=50_000, currency="IDR", to="failed"
    )
    (
        given(CorrectWithdrawalBooks, returned)
        .expect(CreditWallet, account_id="wal_1", amount=50_000, kind="withdrawal_reversal", source="clearing")
        .reply()
        .expect(CorrectWithdrawal, to="failed", receivable=0)
        .reply()
        .ends(Phase.COMPLETED)
    )
    (
        given(CorrectWithdrawalBooks, returned.model_copy(update={"to": "paid"}))
        .expect(TakeBack, account_id="wal_1", amount=50_000, kind="withdrawal")
        .reply(TakenView(taken=20_000, receivable=30_000))
        .expect(CorrectWithdrawal, to="paid", receivable=30_000)
        .reply()
        .ends(Phase.COMPLETED)
    )
