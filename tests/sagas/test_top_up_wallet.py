"""Every path of `TopUpWallet`."""

import pytest

from contracts.ledger import CheckWallet, CreditWallet, CurrencyMismatch, WalletClosed, WalletFrozen
from contracts.message import Discarded, NotFound, Refusal
from contracts.topups import ChargeTopUp, CompleteTopUp, Declined, FailTopUp, TopUpRequested
from tests.sagas.kit import given
from workers.runtime.saga import Phase
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
        .expect(CompleteTopUp, topup_id="top_1")
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
