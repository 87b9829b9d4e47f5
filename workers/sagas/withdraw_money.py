"""The withdrawal, from the request to the money at the bank."""

from datetime import timedelta
from typing import Self

from contracts import ids
from contracts.cards import CardRef, ResolveCard
from contracts.ids import CardId, HoldId, UserId, WalletId, WithdrawalId
from contracts.ledger import Leg, MoveInternally, PlaceHold, ReleaseHold, SettleHold, SystemRole
from contracts.message import Problem
from contracts.money import Amount, Balance, Currency
from contracts.withdrawals import (
    BeginPayout,
    CompleteWithdrawal,
    ConfirmPayout,
    FailWithdrawal,
    PayoutEndView,
    SubmitPayout,
    WithdrawalRequested,
)
from workers.runtime.saga import Saga, compensatable, pivot, retriable


class WithdrawMoney(Saga):
    """Find the wallet, hold amount and fee, submit the payout, wait; then settle the hold or give it back, tell.

    The operation ends when the provider has accepted the payout or refused it.
    """

    starts_on = WithdrawalRequested
    deadline = timedelta(days=2)
    finishes_with = "submit"

    withdrawal_id: WithdrawalId
    owner: UserId
    wallet_id: WalletId | None
    card_id: CardId | None
    amount: Amount
    fee: Balance
    currency: Currency
    paid: bool = False
    paid_amount: Balance = 0

    @compensatable
    def find_wallet(self) -> ResolveCard | None:
        """Only for a card: the wallet that it stands for."""
        return None if self.card_id is None else ResolveCard(card_id=self.card_id, owner=self.owner)

    @find_wallet.learns
    def found_wallet(self, card: CardRef) -> Self:
        """Which it is."""
        return self.model_copy(update={"wallet_id": card.wallet_id})

    @compensatable
    def hold(self) -> PlaceHold:
        """Set the money aside, for nobody's wallet."""
        return PlaceHold(
            hold_id=self.hold_id,
            account_id=self.source,
            owner=self.owner,
            amount=self.amount + self.fee,
            currency=self.currency,
        )

    @hold.undo
    def release(self) -> ReleaseHold:
        """Give it back."""
        return ReleaseHold(hold_id=self.hold_id, account_id=self.source)

    @compensatable
    def begin_payout(self) -> BeginPayout:
        """The last moment to call it back. There is nothing to undo."""
        return BeginPayout(withdrawal_id=self.withdrawal_id, wallet_id=self.source)

    @pivot
    def submit(self) -> SubmitPayout:
        """Pay: once the provider has been asked, only its "no" leads back."""
        return SubmitPayout(withdrawal_id=self.withdrawal_id)

    @retriable
    def confirm(self) -> ConfirmPayout:
        """Wait until it has arrived or come back."""
        return ConfirmPayout(withdrawal_id=self.withdrawal_id)

    @confirm.learns
    def confirmed(self, end: PayoutEndView) -> Self:
        """Which of the two, and how much."""
        return self.model_copy(update={"paid": end.paid, "paid_amount": end.amount})

    @retriable
    def settle(self) -> SettleHold | None:
        """It has arrived: the money has left us, and the fee is ours."""
        if not self.paid:
            return None
        legs = [Leg(to="clearing", amount=self.amount, kind="withdrawal")]
        if self.fee:
            legs.append(Leg(to="fees", amount=self.fee, kind="fee"))
        return SettleHold(hold_id=self.hold_id, account_id=self.source, legs=legs, currency=self.currency)

    @retriable
    def balance(self) -> MoveInternally | None:
        """The bank paid another amount than it was told: the difference is an operator's to look into."""
        difference = self.paid_amount - self.amount if self.paid else 0
        if not difference:
            return None
        debit: SystemRole = "suspense" if difference > 0 else "clearing"
        credit: SystemRole = "clearing" if difference > 0 else "suspense"
        return MoveInternally(
            debit=debit, credit=credit, amount=abs(difference), currency=self.currency, kind="withdrawal"
        )

    @retriable
    def give_back(self) -> ReleaseHold | None:
        """It has come back."""
        return None if self.paid else self.release()

    @retriable
    def complete(self) -> CompleteWithdrawal | None:
        """Say that it is there."""
        return CompleteWithdrawal(withdrawal_id=self.withdrawal_id) if self.paid else None

    @retriable
    def fail(self) -> FailWithdrawal | None:
        """Say that it is not."""
        return None if self.paid else self._failed("declined", "The bank did not pay it out.")

    def on_failure(self, problem: Problem) -> FailWithdrawal:
        """Say that nothing was paid, and why."""
        return self._failed(problem.code, problem.detail)

    @property
    def hold_id(self) -> HoldId:
        """The withdrawal's only hold."""
        return ids.sibling("hld", self.withdrawal_id)

    @property
    def source(self) -> WalletId:
        """The wallet, which is known once a card has been looked up."""
        assert self.wallet_id is not None, "a wallet is used before it is known"
        return self.wallet_id

    def _failed(self, code: str, detail: str) -> FailWithdrawal:
        return FailWithdrawal(
            withdrawal_id=self.withdrawal_id, owner=self.owner, currency=self.currency, code=code, detail=detail
        )
