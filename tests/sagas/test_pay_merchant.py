"""The payment as it is specified: checked, spent, held and settled, or undone in order."""

import pytest

from contracts.cards import (
    CardExpired,
    CardFrozen,
    CardSpendView,
    CardTokenInvalid,
    LimitExceeded,
    SpendOnCard,
    UnspendOnCard,
)
from contracts.ledger import (
    CurrencyMismatch,
    HoldCaptured,
    InsufficientFunds,
    Leg,
    PlaceHold,
    ReleaseHold,
    SelfTransfer,
    SettleHold,
    WalletClosed,
    WalletFrozen,
)
from contracts.merchants import CheckMerchant, MerchantNotActive, MerchantTerms
from contracts.message import Discarded, NotFound, Refusal
from contracts.moving import Declined
from contracts.payments import CaptureMode, CompletePayment, DeclineCard, FailPayment, PaymentRequested
from tests.sagas.kit import Story, given
from workers.runtime.saga import Phase
from workers.sagas.pay_merchant import PayMerchant

SHOP = MerchantTerms(
    merchant_id="mer_1",
    name="Shop",
    owner="usr_owner",
    currency="IDR",
    settlement_wallet_id="wal_shop",
    fee_fixed=10,
    fee_basis_points=250,
)
CARD = CardSpendView(card_id="crd_1", wallet_id="wal_customer", owner="usr_customer", brand="visa", last4="4242")


def requested(capture: CaptureMode = "automatic", *, token: bool = False, declined: bool = False) -> PaymentRequested:
    return PaymentRequested(
        payment_id="pay_1",
        merchant_id="mer_1",
        card_id=None if token or declined else "crd_1",
        token="tok_1" if token else None,
        declined=declined,
        amount=1_000,
        currency="IDR",
        capture=capture,
    )


def held(event: PaymentRequested) -> Story:
    """Up to the money that is set aside."""
    return (
        given(PayMerchant, event)
        .expect(CheckMerchant, merchant_id="mer_1", currency="IDR")
        .reply()
        .expect(SpendOnCard, spend_id="pay_1", owner=None, amount=1_000, currency="IDR")
        .reply()
        .expect(
            PlaceHold,
            hold_id="hld_1",
            account_id="wal_customer",
            owner="usr_customer",
            to="wal_shop",
            amount=1_000,
            currency="IDR",
        )
        .reply()
    )


def test_an_automatic_payment_moves_its_money_less_the_fee() -> None:
    (
        held(requested())
        .expect(
            SettleHold,
            hold_id="hld_1",
            account_id="wal_customer",
            legs=[Leg(to="wal_shop", amount=1_000, kind="payment", fee=35)],
            final=True,
        )
        .reply()
        .expect(
            CompletePayment,
            payment_id="pay_1",
            merchant=SHOP,
            card=CARD,
            fee=35,
        )
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_manual_payment_leaves_its_money_set_aside() -> None:
    held(requested("manual")).expect(CompletePayment, fee=0).reply().ends(Phase.COMPLETED)


def test_a_token_finds_the_card() -> None:
    (
        given(PayMerchant, requested(token=True))
        .expect(CheckMerchant)
        .reply()
        .expect(SpendOnCard, card_id=None, token="tok_1")
        .reply()
        .expect(PlaceHold)
        .refuse(InsufficientFunds())
        .expect(UnspendOnCard, card_id=None, token="tok_1", spend_id="pay_1")
        .reply()
        .expect(FailPayment, card=CARD.model_copy(update={"card_id": "crd_of_token"}))
        .reply()
        .ends(Phase.FAILED)
    )


@pytest.mark.parametrize("refusal", [NotFound(), MerchantNotActive(), CurrencyMismatch()], ids=lambda one: one.code())
def test_who_takes_no_money_gets_none_and_the_card_is_not_asked(refusal: Refusal) -> None:
    (
        given(PayMerchant, requested())
        .expect(CheckMerchant)
        .refuse(refusal)
        .expect(FailPayment, payment_id="pay_1", code=refusal.code(), detail=refusal.detail, merchant=None, card=None)
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_card_that_was_declined_at_the_edge_is_not_asked_again() -> None:
    (
        given(PayMerchant, requested(declined=True))
        .expect(CheckMerchant)
        .reply()
        .expect(DeclineCard, payment_id="pay_1")
        .refuse(Declined())
        .expect(FailPayment, code="declined", merchant=SHOP, card=None)
        .reply()
        .ends(Phase.FAILED)
    )


@pytest.mark.parametrize(
    "refusal",
    [NotFound(), CardFrozen(), CardExpired(), LimitExceeded(), CardTokenInvalid(), CurrencyMismatch()],
    ids=lambda one: one.code(),
)
def test_what_the_card_refuses_leaves_nothing_to_undo(refusal: Refusal) -> None:
    (
        given(PayMerchant, requested())
        .expect(CheckMerchant)
        .reply()
        .expect(SpendOnCard)
        .refuse(refusal)
        .expect(FailPayment, code=refusal.code(), merchant=SHOP, card=None)
        .reply()
        .ends(Phase.FAILED)
    )


@pytest.mark.parametrize(
    "refusal", [InsufficientFunds(), WalletFrozen(), WalletClosed(), SelfTransfer()], ids=lambda one: one.code()
)
def test_what_is_not_held_was_not_spent(refusal: Refusal) -> None:
    (
        given(PayMerchant, requested())
        .expect(CheckMerchant)
        .reply()
        .expect(SpendOnCard)
        .reply()
        .expect(PlaceHold)
        .refuse(refusal)
        .expect(UnspendOnCard, spend_id="pay_1", card_id="crd_1", token=None)
        .reply()
        .expect(FailPayment, code=refusal.code(), merchant=SHOP, card=CARD)
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_refused_settlement_is_undone_in_order() -> None:
    (
        held(requested())
        .expect(SettleHold)
        .refuse(WalletFrozen())
        .expect(ReleaseHold, hold_id="hld_1", account_id="wal_customer")
        .reply()
        .expect(UnspendOnCard)
        .reply()
        .expect(FailPayment, code="wallet_frozen")
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_before_the_pivot_is_undone_with_the_step_in_flight() -> None:
    (
        given(PayMerchant, requested())
        .expect(CheckMerchant)
        .reply()
        .expect(SpendOnCard)
        .reply()
        .expect(PlaceHold)
        .deadline()
        .expect(ReleaseHold)
        .reply()
        .expect(UnspendOnCard)
        .reply()
        .expect(FailPayment, code="deadline_exceeded")
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_the_card_is_undone_at_the_deadline() -> None:
    (
        given(PayMerchant, requested(token=True))
        .expect(CheckMerchant)
        .reply()
        .expect(SpendOnCard)
        .deadline()
        .expect(UnspendOnCard, token="tok_1")
        .reply()
        .expect(FailPayment, code="deadline_exceeded", card=None)
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_the_settlement_is_not_a_no() -> None:
    (
        held(requested())
        .expect(SettleHold)
        .deadline()
        .still()
        .reply()
        .expect(CompletePayment)
        .deadline()
        .still()
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_what_is_set_aside_is_not_given_back_for_want_of_a_last_word() -> None:
    held(requested("manual")).expect(CompletePayment).deadline().still().reply().ends(Phase.COMPLETED)


def test_a_discarded_last_word_is_said_again() -> None:
    (
        held(requested("manual"))
        .expect(CompletePayment)
        .refuse(Discarded())
        .expect(CompletePayment)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_an_undo_that_meets_a_captured_hold_needs_a_person() -> None:
    held(requested()).expect(SettleHold).refuse(Discarded()).expect(ReleaseHold).refuse(HoldCaptured()).ends(
        Phase.STUCK
    )
