"""Every path of `TopUpWallet`, and of the saga that mends its books."""

from typing import Any

import pytest

from contracts.cards import CardRef, ResolveCard
from contracts.ledger import (
    CheckWallet,
    CreditWallet,
    CurrencyMismatch,
    MoveInternally,
    PostingView,
    TakeBack,
    TakenView,
    WalletClosed,
    WalletFrozen,
)
from contracts.message import Command, Discarded, NotFound, OutcomeUnknown, Refusal
from contracts.moving import Declined
from contracts.topups import (
    ChargeTopUp,
    ChargeView,
    CompleteTopUp,
    CorrectTopUp,
    DecideTopUp,
    DecisionView,
    FailTopUp,
    TopUpContradicted,
    TopUpRequested,
)
from tests.sagas.kit import given
from workers.runtime.saga import Phase
from workers.sagas.correct_top_up import CorrectTopUpBooks
from workers.sagas.top_up_wallet import TopUpWallet


@pytest.fixture
def requested() -> TopUpRequested:
    return TopUpRequested(
        topup_id="top_1",
        owner="usr_owner",
        wallet_id="wal_1",
        amount=50_000,
        currency="IDR",
        method="bca_virtual_account",
    )


def test_a_charge_becomes_a_credit(requested: TopUpRequested) -> None:
    (
        given(TopUpWallet, requested)
        .expect(CheckWallet, account_id="wal_1", owner="usr_owner", currency="IDR")
        .reply()
        .expect(ChargeTopUp, topup_id="top_1", amount=50_000, currency="IDR", method="bca_virtual_account")
        .reply()
        .expect(CreditWallet, account_id="wal_1", amount=50_000, currency="IDR", kind="top_up")
        .reply()
        .expect(CompleteTopUp, topup_id="top_1", amount=50_000)
        .reply()
        .ends(Phase.COMPLETED)
    )


@pytest.mark.parametrize("amount", [50_000, 49_900])
def test_what_a_closed_wallet_could_not_take_is_told_and_parked(requested: TopUpRequested, amount: int) -> None:
    fits = amount == requested.amount
    story = given(TopUpWallet, requested).expect(CheckWallet).reply().expect(ChargeTopUp)
    story = story.reply(ChargeView(provider_id="chg_1", amount=amount, fits=fits))
    if not fits:
        story = story.expect(MoveInternally).reply().expect(DecideTopUp).reply(DecisionView(credited=True))
    (
        story.expect(CreditWallet, source="clearing" if fits else "suspense")
        .reply(PostingView(movement_id="mov_1", account_id="sys_suspense_idr_00"))
        .expect(FailTopUp, code="wallet_closed", parked=amount)
        .reply()
        .ends(Phase.COMPLETED)
    )


@pytest.mark.parametrize(
    "refusal",
    [NotFound(), WalletFrozen(), WalletClosed(), CurrencyMismatch()],
    ids=lambda refusal: refusal.code(),
)
def test_nobody_is_charged_for_a_wallet_that_cannot_receive(requested: TopUpRequested, refusal: Refusal) -> None:
    (
        given(TopUpWallet, requested)
        .expect(CheckWallet)
        .refuse(refusal)
        .expect(FailTopUp, topup_id="top_1", code=refusal.code(), detail=refusal.detail)
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_declined_charge_credits_nothing(requested: TopUpRequested) -> None:
    (
        given(TopUpWallet, requested)
        .expect(CheckWallet)
        .reply()
        .expect(ChargeTopUp)
        .refuse(Declined("The payment provider declined: not enough money there."))
        .expect(FailTopUp, code="declined", detail="The payment provider declined: not enough money there.")
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_the_check_fails_at_the_deadline(requested: TopUpRequested) -> None:
    (
        given(TopUpWallet, requested)
        .expect(CheckWallet)
        .deadline()
        .expect(FailTopUp, code="deadline_exceeded")
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_the_provider_is_not_a_no(requested: TopUpRequested) -> None:
    (
        given(TopUpWallet, requested)
        .expect(CheckWallet)
        .reply()
        .expect(ChargeTopUp)
        .deadline()
        .still()
        .reply()
        .expect(CreditWallet)
        .deadline()
        .still()
        .reply()
        .expect(CompleteTopUp)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_what_was_charged_is_credited_however_often_it_must_be_asked(requested: TopUpRequested) -> None:
    (
        given(TopUpWallet, requested)
        .expect(CheckWallet)
        .reply()
        .expect(ChargeTopUp)
        .reply()
        .expect(CreditWallet)
        .refuse(Discarded())
        .expect(CreditWallet)
        .reply()
        .expect(CompleteTopUp)
        .refuse(Discarded())
        .expect(CompleteTopUp)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_silence_is_asked_about_again(requested: TopUpRequested) -> None:
    (
        given(TopUpWallet, requested)
        .expect(CheckWallet)
        .reply()
        .expect(ChargeTopUp)
        .refuse(OutcomeUnknown(retry_after_seconds=30))
        .expect(ChargeTopUp)
        .deadline()
        .still()
        .refuse(Declined())
        .expect(FailTopUp, code="declined")
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_card_stands_for_its_wallet(requested: TopUpRequested) -> None:
    card = CardRef(card_id="crd_1", wallet_id="wal_9", owner="usr_owner", brand="visa", last4="4242")
    (
        given(TopUpWallet, requested.model_copy(update={"wallet_id": None, "card_id": "crd_1"}))
        .expect(ResolveCard, card_id="crd_1", owner="usr_owner")
        .reply(card)
        .expect(CheckWallet, account_id="wal_9")
        .reply()
        .expect(ChargeTopUp, wallet_id="wal_9")
        .reply()
        .expect(CreditWallet, account_id="wal_9")
    )


@pytest.mark.parametrize(
    ("decision", "then"),
    [
        (
            DecisionView(credited=True),
            ((CreditWallet, {"source": "suspense", "amount": 49_900}), (CompleteTopUp, {"amount": 49_900})),
        ),
        (DecisionView(credited=False), ((FailTopUp, {"code": "amount_mismatch", "parked": 49_900}),)),
        (DecisionView(credited=False, returned=True), ((MoveInternally, {}), (FailTopUp, {"parked": 0}))),
    ],
)
def test_money_that_does_not_fit_is_parked_until_an_operator_has_decided(
    requested: TopUpRequested, decision: DecisionView, then: tuple[tuple[type[Command[Any]], dict[str, Any]], ...]
) -> None:
    story = (
        given(TopUpWallet, requested)
        .expect(CheckWallet)
        .reply()
        .expect(ChargeTopUp)
        .reply(ChargeView(provider_id="chg_1", amount=49_900, fits=False))
        .expect(MoveInternally, debit="clearing", credit="suspense", amount=49_900, kind="top_up")
        .reply()
        .expect(DecideTopUp)
        .refuse(OutcomeUnknown(retry_after_seconds=86_400))
        .expect(DecideTopUp)
        .reply(decision)
    )
    for command, fields in then:
        story = story.expect(command, **fields).reply()
    story.ends(Phase.COMPLETED)


def test_the_books_follow_what_the_provider_says_later() -> None:
    reversed_ = TopUpContradicted(topup_id="top_1", wallet_id="wal_1", amount=500, currency="IDR", to="reversed")
    (
        given(CorrectTopUpBooks, reversed_)
        .expect(TakeBack, account_id="wal_1", amount=500, kind="top_up_reversal")
        .reply(TakenView(taken=100, receivable=400))
        .expect(CorrectTopUp, to="reversed", receivable=400)
        .reply()
        .ends(Phase.COMPLETED)
    )
    (
        given(CorrectTopUpBooks, reversed_.model_copy(update={"to": "succeeded"}))
        .expect(CreditWallet, account_id="wal_1", amount=500, kind="top_up", source="clearing")
        .reply()
        .expect(CorrectTopUp, to="succeeded", receivable=0, amount=500, parked=False)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_what_is_parked_goes_back_from_there_and_what_comes_too_late_for_its_wallet_is_parked() -> None:
    parked = TopUpContradicted(
        topup_id="top_1", wallet_id="wal_1", amount=500, currency="IDR", to="reversed", parked=True
    )
    (
        given(CorrectTopUpBooks, parked)
        .expect(MoveInternally, debit="suspense", credit="clearing", amount=500, kind="top_up_reversal")
        .reply()
        .expect(CorrectTopUp, to="reversed", receivable=0, parked=False)
        .reply()
        .ends(Phase.COMPLETED)
    )
    (
        given(CorrectTopUpBooks, parked.model_copy(update={"to": "succeeded", "parked": False}))
        .expect(CreditWallet)
        .reply(PostingView(movement_id="mov_1", account_id="sys_suspense_idr_00"))
        .expect(CorrectTopUp, to="succeeded", amount=500, parked=True)
        .reply()
        .ends(Phase.COMPLETED)
    )
