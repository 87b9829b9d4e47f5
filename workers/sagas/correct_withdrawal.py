"""A withdrawal whose end turns out to be another one: sent back, or paid after all."""

from datetime import timedelta
from typing import Self

from contracts.ids import WalletId, WithdrawalId
from contracts.ledger import CreditWallet, TakeBack, TakenView
from contracts.money import Amount, Balance, Currency
from contracts.withdrawals import CorrectWithdrawal, Outcome, WithdrawalContradicted
from workers.runtime.saga import Saga, retriable


class CorrectWithdrawalBooks(Saga):
    """Give the money back or take it, tell. There is no way back: it has happened elsewhere already."""

    starts_on = WithdrawalContradicted
    deadline = timedelta(minutes=5)

    withdrawal_id: WithdrawalId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    to: Outcome
    receivable: Balance = 0

    @retriable
    def give(self) -> CreditWallet | None:
        """It came back; the fee was for sending it."""
        if self.to != "failed":
            return None
        return CreditWallet(
            account_id=self.wallet_id, amount=self.amount, currency=self.currency, kind="withdrawal_reversal"
        )

    @retriable
    def take(self) -> TakeBack | None:
        """It was paid after all: what is gone from the wallet is owed."""
        if self.to != "paid":
            return None
        return TakeBack(account_id=self.wallet_id, amount=self.amount, currency=self.currency, kind="withdrawal")

    @take.learns
    def taken(self, taken: TakenView) -> Self:
        """How much that is."""
        return self.model_copy(update={"receivable": taken.receivable})

    @retriable
    def complete(self) -> CorrectWithdrawal:
        """Say so."""
        return CorrectWithdrawal(withdrawal_id=self.withdrawal_id, to=self.to, receivable=self.receivable)
