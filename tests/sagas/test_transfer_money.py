"""Every path of `TransferMoney`."""

import pytest

from contracts.cards import CardFrozen, ResolveCard
from contracts.identity import FindUserByEmail
from contracts.ledger import (
    CurrencyMismatch,
    FindWallet,
    HoldCaptured,
    HoldView,
    InsufficientFunds,
    Leg,
    PlaceHold,
    ReleaseHold,
    SelfTransfer,
    SettleHold,
    WalletClosed,
    WalletFrozen,
)
from contracts.message import Discarded, NotFound, Refusal
from contracts.transfers import CompleteTransfer, FailTransfer, TransferRequested
from tests.sagas.kit import given
from workers.runtime.saga import Phase
from workers.sagas.transfer_money import TransferMoney


@pytest.fixture
def to_wallet() -> TransferRequested:
    return TransferRequested(
        transfer_id="trf_1",
        sender="usr_sender",
        source="wal_source",
        destination="wal_destination",
        email=None,
        amount=125_000,
        currency="IDR",
    )


@pytest.fixture
def to_email(to_wallet: TransferRequested) -> TransferRequested:
    return to_wallet.model_copy(update={"destination": None, "email": "budi@example.com"})


def test_money_moves_to_a_wallet(to_wallet: TransferRequested) -> None:
    (
        given(TransferMoney, to_wallet)
        .expect(
            PlaceHold,
            hold_id="hld_1",
            account_id="wal_source",
            owner="usr_sender",
            to="wal_destination",
            amount=125_000,
            currency="IDR",
        )
        .reply()
        .expect(
            SettleHold,
            hold_id="hld_1",
            account_id="wal_source",
            legs=[Leg(to="wal_destination", amount=125_000, kind="transfer")],
            final=True,
        )
        .reply()
        .expect(CompleteTransfer, transfer_id="trf_1", destination="wal_destination", recipient="usr_receiver")
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_money_moves_to_an_email_address(to_email: TransferRequested) -> None:
    (
        given(TransferMoney, to_email)
        .expect(FindUserByEmail, email="budi@example.com")
        .reply()
        .expect(FindWallet, owner="usr_receiver", currency="IDR")
        .reply()
        .expect(PlaceHold, account_id="wal_source", to="wal_found")
        .reply()
        .expect(SettleHold, legs=[Leg(to="wal_found", amount=125_000, kind="transfer")])
        .reply()
        .expect(CompleteTransfer, destination="wal_found", recipient="usr_receiver")
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_wallet_without_an_owner_has_no_recipient(to_wallet: TransferRequested) -> None:
    ownerless = HoldView(
        id="hld_1", account_id="wal_source", amount=125_000, remaining=125_000, recipient=None, status="open"
    )
    (
        given(TransferMoney, to_wallet)
        .expect(PlaceHold)
        .reply(ownerless)
        .expect(SettleHold)
        .reply()
        .expect(CompleteTransfer, recipient=None)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_stranger_receives_nothing(to_email: TransferRequested) -> None:
    (
        given(TransferMoney, to_email)
        .expect(FindUserByEmail)
        .refuse(NotFound())
        .expect(FailTransfer, transfer_id="trf_1", code="not_found", detail=NotFound.detail)
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_receiver_without_a_wallet_receives_nothing(to_email: TransferRequested) -> None:
    (
        given(TransferMoney, to_email)
        .expect(FindUserByEmail)
        .reply()
        .expect(FindWallet)
        .refuse(NotFound())
        .expect(FailTransfer, code="not_found")
        .reply()
        .ends(Phase.FAILED)
    )


@pytest.mark.parametrize(
    "refusal",
    [NotFound(), WalletFrozen(), WalletClosed(), CurrencyMismatch(), SelfTransfer(), InsufficientFunds()],
    ids=lambda refusal: refusal.code(),
)
def test_a_refused_hold_leaves_nothing_to_undo(to_wallet: TransferRequested, refusal: Refusal) -> None:
    (
        given(TransferMoney, to_wallet)
        .expect(PlaceHold)
        .refuse(refusal)
        .expect(FailTransfer, code=refusal.code(), detail=refusal.detail)
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_refused_settlement_releases_the_hold(to_wallet: TransferRequested) -> None:
    (
        given(TransferMoney, to_wallet)
        .expect(PlaceHold)
        .reply()
        .expect(SettleHold)
        .refuse(WalletFrozen())
        .expect(ReleaseHold, hold_id="hld_1", account_id="wal_source")
        .reply()
        .expect(FailTransfer, code="wallet_frozen")
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_refused_settlement_to_an_email_undoes_only_the_hold(to_email: TransferRequested) -> None:
    (
        given(TransferMoney, to_email)
        .expect(FindUserByEmail)
        .reply()
        .expect(FindWallet)
        .reply()
        .expect(PlaceHold)
        .reply()
        .expect(SettleHold)
        .refuse(WalletClosed())
        .expect(ReleaseHold)
        .reply()
        .expect(FailTransfer, code="wallet_closed")
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_the_hold_is_undone_at_the_deadline(to_wallet: TransferRequested) -> None:
    (
        given(TransferMoney, to_wallet)
        .expect(PlaceHold)
        .deadline()
        .expect(ReleaseHold, hold_id="hld_1")
        .reply()
        .expect(FailTransfer, code="deadline_exceeded")
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_a_search_fails_at_the_deadline(to_email: TransferRequested) -> None:
    (
        given(TransferMoney, to_email)
        .expect(FindUserByEmail)
        .reply()
        .expect(FindWallet)
        .deadline()
        .expect(FailTransfer, code="deadline_exceeded")
        .reply()
        .ends(Phase.FAILED)
    )


def test_silence_of_the_settlement_is_not_a_no(to_wallet: TransferRequested) -> None:
    (
        given(TransferMoney, to_wallet)
        .expect(PlaceHold)
        .reply()
        .expect(SettleHold)
        .deadline()
        .still()
        .reply()
        .expect(CompleteTransfer)
        .deadline()
        .still()
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_discarded_completion_is_asked_again(to_wallet: TransferRequested) -> None:
    (
        given(TransferMoney, to_wallet)
        .expect(PlaceHold)
        .reply()
        .expect(SettleHold)
        .reply()
        .expect(CompleteTransfer)
        .refuse(Discarded())
        .expect(CompleteTransfer)
        .refuse(Discarded())
        .expect(CompleteTransfer)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_an_undo_that_meets_a_captured_hold_needs_a_person(to_wallet: TransferRequested) -> None:
    (
        given(TransferMoney, to_wallet)
        .expect(PlaceHold)
        .reply()
        .expect(SettleHold)
        .refuse(Discarded())
        .expect(ReleaseHold)
        .refuse(HoldCaptured())
        .ends(Phase.STUCK)
    )


@pytest.fixture
def by_card(to_wallet: TransferRequested) -> TransferRequested:
    return to_wallet.model_copy(
        update={"source": None, "destination": None, "source_card": "crd_mine", "destination_card": "crd_theirs"}
    )


def test_cards_stand_for_their_wallets(by_card: TransferRequested) -> None:
    (
        given(TransferMoney, by_card)
        .expect(ResolveCard, card_id="crd_mine", owner="usr_sender")
        .reply()
        .expect(ResolveCard, card_id="crd_theirs", owner=None)
        .reply()
        .expect(PlaceHold, account_id="wal_of_crd_mine", to="wal_of_crd_theirs")
        .reply()
        .expect(SettleHold, account_id="wal_of_crd_mine")
        .reply()
        .expect(CompleteTransfer, source="wal_of_crd_mine", destination="wal_of_crd_theirs")
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_a_card_pays_to_an_address_as_a_wallet_does(by_card: TransferRequested) -> None:
    to_email = by_card.model_copy(update={"destination_card": None, "email": "budi@example.com"})
    (
        given(TransferMoney, to_email)
        .expect(ResolveCard)
        .reply()
        .expect(FindUserByEmail)
        .reply()
        .expect(FindWallet)
        .reply()
        .expect(PlaceHold, account_id="wal_of_crd_mine", to="wal_found")
    )


def test_a_card_that_can_not_be_used_fails_the_transfer(by_card: TransferRequested) -> None:
    first = given(TransferMoney, by_card).expect(ResolveCard)
    first.refuse(CardFrozen()).expect(FailTransfer, code="card_frozen").reply().ends(Phase.FAILED)
    second = given(TransferMoney, by_card).expect(ResolveCard).reply().expect(ResolveCard)
    second.refuse(NotFound()).expect(FailTransfer, code="not_found").reply().ends(Phase.FAILED)


def test_two_cards_of_one_wallet_are_found_out_by_the_hold(by_card: TransferRequested) -> None:
    held = given(TransferMoney, by_card).expect(ResolveCard).reply().expect(ResolveCard).reply().expect(PlaceHold)
    held.refuse(SelfTransfer()).expect(FailTransfer, code="self_transfer").reply().ends(Phase.FAILED)
