"""The top-up, from the request to the money in the wallet."""

from datetime import timedelta
from typing import Self

from contracts.cards import CardRef, ResolveCard
from contracts.ids import CardId, TopUpId, UserId, WalletId
from contracts.ledger import CheckWallet, CreditWallet, MoveInternally, PostingView, WalletClosed
from contracts.message import Problem
from contracts.money import Amount, Balance, Currency
from contracts.topups import (
    ChargeTopUp,
    ChargeView,
    CompleteTopUp,
    DecideTopUp,
    DecisionView,
    FailTopUp,
    MethodId,
    TopUpRequested,
)
from workers.runtime.saga import Saga, compensatable, pivot, retriable


class TopUpWallet(Saga):
    """Find the wallet, check it, charge at the provider, credit, tell.

    Money that is not what was asked for is parked at suspense, until an operator says whether the wallet gets it. So is
    what comes for a wallet that was closed meanwhile.
    """

    starts_on = TopUpRequested
    deadline = timedelta(minutes=5)

    topup_id: TopUpId
    owner: UserId
    wallet_id: WalletId | None
    amount: Amount
    currency: Currency
    method: MethodId
    card_id: CardId | None = None
    charged: Balance = 0
    fits: bool = True
    credited: bool = True
    returned: bool = False
    diverted: bool = False

    @compensatable
    def find_wallet(self) -> ResolveCard | None:
        """Only for a card: the wallet that it stands for."""
        return None if self.card_id is None else ResolveCard(card_id=self.card_id, owner=self.owner)

    @find_wallet.learns
    def found_wallet(self, card: CardRef) -> Self:
        """Which it is."""
        return self.model_copy(update={"wallet_id": card.wallet_id})

    @compensatable
    def check(self) -> CheckWallet:
        """Nobody is charged for a wallet that can't receive. There is nothing to undo."""
        return CheckWallet(account_id=self.to, owner=self.owner, currency=self.currency)

    @pivot
    def charge(self) -> ChargeTopUp:
        """Take the money: once the provider has been asked, only its "no" leads back."""
        return ChargeTopUp(
            topup_id=self.topup_id,
            amount=self.amount,
            currency=self.currency,
            method=self.method,
            wallet_id=self.to,
        )

    @charge.learns
    def learn_charge(self, charge: ChargeView) -> Self:
        """How much it was."""
        return self.model_copy(update={"charged": charge.amount or self.amount, "fits": charge.fits})

    @retriable
    def park(self) -> MoveInternally | None:
        """It is here, whoever gets it."""
        return None if self.fits else self._move(back=False)

    @retriable
    def decide(self) -> DecideTopUp | None:
        """That is an operator's to say."""
        return None if self.fits else DecideTopUp(topup_id=self.topup_id)

    @decide.learns
    def learn_decision(self, decision: DecisionView) -> Self:
        """What was said."""
        return self.model_copy(update={"credited": decision.credited, "returned": decision.returned})

    @retriable
    def unpark(self) -> MoveInternally | None:
        """The provider has taken it back by itself."""
        return self._move(back=True) if self.returned else None

    @retriable
    def credit(self) -> CreditWallet | None:
        """Give it to the owner."""
        if not self.credited:
            return None
        return CreditWallet(
            account_id=self.to,
            amount=self.charged,
            currency=self.currency,
            kind="top_up",
            source="clearing" if self.fits else "suspense",
        )

    @credit.learns
    def learn_credit(self, posting: PostingView) -> Self:
        """Whether it got there."""
        return self.model_copy(update={"diverted": posting.account_id != self.to})

    @retriable
    def complete(self) -> CompleteTopUp | None:
        """Say that it is there."""
        there = self.credited and not self.diverted
        return CompleteTopUp(topup_id=self.topup_id, amount=self.charged) if there else None

    @retriable
    def reject(self) -> FailTopUp | None:
        """Say that it is not, though something was charged."""
        if self.diverted:
            code, detail = WalletClosed.code(), "The wallet was closed before the money came."
        elif not self.credited:
            code, detail = "amount_mismatch", "Another amount was charged than was asked for."
        else:
            return None
        parked = 0 if self.returned else self.charged
        return FailTopUp(topup_id=self.topup_id, code=code, detail=detail, parked=parked)

    def on_failure(self, problem: Problem) -> FailTopUp:
        """Say that nothing was charged, and why."""
        return FailTopUp(topup_id=self.topup_id, code=problem.code, detail=problem.detail)

    @property
    def to(self) -> WalletId:
        """The wallet, which is known once a card has been looked up."""
        assert self.wallet_id is not None, "a wallet is used before it is known"
        return self.wallet_id

    def _move(self, *, back: bool) -> MoveInternally:
        return MoveInternally(
            debit="suspense" if back else "clearing",
            credit="clearing" if back else "suspense",
            amount=self.charged,
            currency=self.currency,
            kind="top_up_reversal" if back else "top_up",
        )
