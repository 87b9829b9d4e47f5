"""The top-up, from the request to the money in the wallet."""

from datetime import timedelta

from contracts.ids import TopUpId, UserId, WalletId
from contracts.ledger import CheckWallet, CreditWallet
from contracts.message import Problem
from contracts.money import Amount, Currency
from contracts.topups import ChargeTopUp, CompleteTopUp, FailTopUp, MethodId, TopUpRequested
from workers.runtime.saga import Saga, compensatable, pivot, retriable


class TopUpWallet(Saga):
    """Check the wallet, charge at the provider, credit, tell."""

    starts_on = TopUpRequested
    deadline = timedelta(minutes=5)

    topup_id: TopUpId
    owner: UserId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    method: MethodId

    @compensatable
    def check(self) -> CheckWallet:
        """Nobody is charged for a wallet that can't receive. There is nothing to undo."""
        return CheckWallet(account_id=self.wallet_id, owner=self.owner, currency=self.currency)

    @pivot
    def charge(self) -> ChargeTopUp:
        """Take the money: once the provider has been asked, only its "no" leads back."""
        return ChargeTopUp(topup_id=self.topup_id, amount=self.amount, currency=self.currency, method=self.method)

    @retriable
    def credit(self) -> CreditWallet:
        """Give it to the owner."""
        return CreditWallet(account_id=self.wallet_id, amount=self.amount, currency=self.currency, kind="top_up")

    @retriable
    def complete(self) -> CompleteTopUp:
        """Say that it is there."""
        return CompleteTopUp(topup_id=self.topup_id)

    def on_failure(self, problem: Problem) -> FailTopUp:
        """Say that nothing was charged, and why."""
        return FailTopUp(topup_id=self.topup_id, code=problem.code, detail=problem.detail)
