"""A card for a wallet, as it is specified."""

import pytest

from contracts.cards import CardLimits, CardRequested, EmbossCard, TooManyCards
from contracts.ledger import CheckWallet, WalletFrozen
from contracts.message import NotFound, Refusal
from tests.sagas.kit import given
from workers.runtime.saga import Phase
from workers.sagas.issue_wallet_card import IssueWalletCard


@pytest.fixture
def requested() -> CardRequested:
    return CardRequested(
        card_id="crd_1",
        owner="usr_1",
        wallet_id="wal_1",
        brand="visa",
        type="debit",
        label=None,
        limits=CardLimits(daily=5),
    )


def test_the_wallet_is_asked_before_the_card_is_made(requested: CardRequested) -> None:
    story = given(IssueWalletCard, requested).expect(CheckWallet).reply().expect(EmbossCard)
    story.reply().ends(Phase.COMPLETED)


@pytest.mark.parametrize("refusal", [NotFound(), WalletFrozen()])
def test_no_wallet_no_card(requested: CardRequested, refusal: Refusal) -> None:
    given(IssueWalletCard, requested).expect(CheckWallet).refuse(refusal).ends(Phase.FAILED)


def test_too_many_cards_are_refused(requested: CardRequested) -> None:
    given(IssueWalletCard, requested).expect(CheckWallet).reply().expect(EmbossCard).refuse(TooManyCards()).ends(
        Phase.FAILED
    )
