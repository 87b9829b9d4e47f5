"""Every path of `TakeOnMerchant`."""

import pytest

from contracts import ids
from contracts.ledger import OpenSettlementWallet
from contracts.merchants import AbandonMerchant, MerchantRequested, OpenMerchant
from contracts.message import Discarded, NotFound
from tests.sagas.kit import given
from workers.runtime.saga import Phase
from workers.sagas.take_on_merchant import TakeOnMerchant

WALLET = ids.derived("wal", "mer_1", "IDR")


@pytest.fixture
def requested() -> MerchantRequested:
    return MerchantRequested(merchant_id="mer_1", owner="usr_owner", currency="IDR", name="Kopi")


def test_the_owner_gets_a_wallet_for_the_merchants_money(requested: MerchantRequested) -> None:
    (
        given(TakeOnMerchant, requested)
        .expect(OpenSettlementWallet, wallet_id=WALLET, owner="usr_owner", currency="IDR", label="Kopi")
        .reply()
        .expect(OpenMerchant, merchant_id="mer_1", currency="IDR", wallet_id=WALLET)
        .reply()
        .ends(Phase.COMPLETED)
    )


def test_without_a_wallet_there_is_no_merchant(requested: MerchantRequested) -> None:
    (
        given(TakeOnMerchant, requested)
        .expect(OpenSettlementWallet)
        .refuse(Discarded())
        .expect(AbandonMerchant, merchant_id="mer_1", code="discarded", detail=Discarded.detail)
        .reply()
        .ends(Phase.FAILED)
    )


def test_a_merchant_that_was_purged_meanwhile_is_not_opened(requested: MerchantRequested) -> None:
    (
        given(TakeOnMerchant, requested)
        .expect(OpenSettlementWallet)
        .reply()
        .expect(OpenMerchant)
        .refuse(NotFound())
        .expect(AbandonMerchant, code="not_found")
        .reply()
        .ends(Phase.FAILED)
    )
