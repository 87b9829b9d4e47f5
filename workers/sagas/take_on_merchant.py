"""A new merchant, from the wish to a place for its money."""

from datetime import timedelta

from contracts import ids
from contracts.ids import MerchantId, UserId, WalletId
from contracts.ledger import OpenSettlementWallet
from contracts.merchants import AbandonMerchant, MerchantRequested, OpenMerchant
from contracts.message import Problem
from contracts.money import Currency
from workers.runtime.saga import Saga, compensatable, pivot


class TakeOnMerchant(Saga):
    """Open a settlement wallet for the owner, tell."""

    starts_on = MerchantRequested
    deadline = timedelta(days=1)

    merchant_id: MerchantId
    owner: UserId
    currency: Currency
    name: str

    @compensatable
    def open_wallet(self) -> OpenSettlementWallet:
        """An empty wallet harms nobody, so there is nothing to undo."""
        return OpenSettlementWallet(wallet_id=self.wallet_id, owner=self.owner, currency=self.currency, label=self.name)

    @pivot
    def open_merchant(self) -> OpenMerchant:
        """Say where it is, unless the merchant was purged meanwhile."""
        return OpenMerchant(merchant_id=self.merchant_id, currency=self.currency, wallet_id=self.wallet_id)

    def on_failure(self, problem: Problem) -> AbandonMerchant:
        """Say that there is none, and why."""
        return AbandonMerchant(merchant_id=self.merchant_id, code=problem.code, detail=problem.detail)

    @property
    def wallet_id(self) -> WalletId:
        """The merchant's only wallet in this currency."""
        return ids.derived("wal", self.merchant_id, self.currency)
