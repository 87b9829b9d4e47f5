"""Capture, void, expiry and refund as they are specified."""

import pytest

from contracts.cards import UnspendOnCard
from contracts.ledger import (
    HoldReleased,
    InsufficientFunds,
    Leg,
    PostRefund,
    ReleaseHold,
    SettleHold,
    WalletClosed,
    WalletFrozen,
)
from contracts.merchants import CheckMerchant, MerchantNotActive
from contracts.message import Discarded, Refusal
from contracts.payments import (
    CaptureRequested,
    CompleteCapture,
    CompleteRefund,
    CompleteRelease,
    FailCapture,
    FailRefund,
    FailRelease,
    RefundRequested,
    ReleaseRequested,
)
from tests.sagas.kit import given
from workers.runtime.saga import Phase
from workers.sagas.capture_payment import CapturePayment
from workers.sagas.refund_payment import RefundPayment
from workers.sagas.release_payment import ReleasePayment

CAPTURE = CaptureRequested(
    capture_id="cap_1",
    payment_id="pay_1",
    merchant_id="mer_1",
    wallet_id="wal_customer",
    settlement_wallet_id="wal_shop",
    amount=300,
    currency="IDR",
    fee=7,
    final=False,
)
VOID = ReleaseRequested(payment_id="pay_1", wallet_id="wal_customer", spend_on="crd_1", ending="void")
REFUND = RefundRequested(
    refund_id="ref_1",
    payment_id="pay_1",
    owner="usr_owner",
    settlement_wallet_id="wal_shop",
    wallet_id="wal_customer",
    amount=300,
    currency="IDR",
    fee=7,
)


def test_a_capture_takes_what_was_reserved_for_it_and_no_more() -> None:
    (
        given(CapturePayment, CAPTURE)
        .expect(CheckMerchant, merchant_id="mer_1")
        .reply()
        .expect(
            SettleHold,
            hold_id="hld_1",
            account_id="wal_customer",
            legs=[Leg(to="wal_shop", amount=300, kind="payment", fee=7)],
            final=False,
        )
        .reply()
        .expect(CompleteCapture, payment_id="pay_1", capture_id="cap_1")
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_final_capture_gives_back_what_it_leaves() -> None:
    final = CAPTURE.model_copy(update={"final": True})
    given(CapturePayment, final).expect(CheckMerchant).reply().expect(SettleHold, final=True)


def test_a_suspended_merchant_captures_nothing() -> None:
    (
        given(CapturePayment, CAPTURE)
        .expect(CheckMerchant)
        .refuse(MerchantNotActive())
        .expect(FailCapture, payment_id="pay_1", capture_id="cap_1", code="merchant_not_active")
        .reply()
        .ends(Phase.FAILED)
    )


@pytest.mark.parametrize("refusal", [WalletFrozen(), WalletClosed(), HoldReleased()], ids=lambda one: one.code())
def test_a_refused_capture_can_be_tried_again(refusal: Refusal) -> None:
    (
        given(CapturePayment, CAPTURE)
        .expect(CheckMerchant)
        .reply()
        .expect(SettleHold)
        .refuse(refusal)
        .expect(FailCapture, code=refusal.code())
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_a_capture_is_not_a_no() -> None:
    (
        given(CapturePayment, CAPTURE)
        .expect(CheckMerchant)
        .reply()
        .expect(SettleHold)
        .deadline()
        .still()
        .reply()
        .expect(CompleteCapture)
        .deadline()
        .still()
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_void_gives_back_the_money_and_the_cards_limits() -> None:
    (
        given(ReleasePayment, VOID)
        .expect(ReleaseHold, hold_id="hld_1", account_id="wal_customer")
        .reply()
        .expect(UnspendOnCard, spend_id="pay_1", card_id="crd_1")
        .reply()
        .expect(CompleteRelease, payment_id="pay_1")
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_what_was_captured_in_part_stays_spent() -> None:
    expiry = VOID.model_copy(update={"spend_on": None, "ending": "expiry"})
    given(ReleasePayment, expiry).expect(ReleaseHold).reply().expect(CompleteRelease).reply().ends(Phase.COMPLETED)


def test_a_void_is_asked_until_it_is_answered_or_discarded() -> None:
    (
        given(ReleasePayment, VOID)
        .expect(ReleaseHold)
        .deadline()
        .still()
        .refuse(Discarded())
        .expect(FailRelease, payment_id="pay_1")
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_refund_is_one_step() -> None:
    (
        given(RefundPayment, REFUND)
        .expect(
            PostRefund, account_id="wal_shop", owner="usr_owner", to="wal_customer", amount=300, currency="IDR", fee=7
        )
        .deadline()
        .still()
        .reply()
        .expect(CompleteRefund, payment_id="pay_1", refund_id="ref_1")
        .reply()
        .ends(Phase.COMPLETED)
    )


@pytest.mark.parametrize("refusal", [InsufficientFunds(), WalletFrozen(), WalletClosed()], ids=lambda one: one.code())
def test_a_refused_refund_leaves_the_payment_as_it_was(refusal: Refusal) -> None:
    (
        given(RefundPayment, REFUND)
        .expect(PostRefund)
        .refuse(refusal)
        .expect(FailRefund, payment_id="pay_1", refund_id="ref_1", code=refusal.code(), detail=refusal.detail)
        .reply()
        .ends(Phase.FAILED)
    )
