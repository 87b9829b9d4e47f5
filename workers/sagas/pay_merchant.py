"""The payment, from the checkout to the merchant's money, or to the money that is set aside for it."""

from datetime import timedelta
from typing import Self

from contracts import ids
from contracts.cards import CardSpendView, CardToken, SpendOnCard, UnspendOnCard
from contracts.ids import CardId, HoldId, MerchantId, PaymentId
from contracts.ledger import Leg, PlaceHold, ReleaseHold, SettleHold
from contracts.merchants import CheckMerchant, MerchantTerms
from contracts.message import Problem
from contracts.money import Amount, Currency
from contracts.payments import (
    CaptureMode,
    CompletePayment,
    DeclineCard,
    FailPayment,
    PaymentRequested,
)
from workers.runtime.saga import Saga, compensatable, pivot, retriable


class PayMerchant(Saga):
    """Check the merchant, spend on the card, hold at its wallet, settle to the merchant unless it captures, tell."""

    starts_on = PaymentRequested
    deadline = timedelta(minutes=5)

    payment_id: PaymentId
    merchant_id: MerchantId
    card_id: CardId | None
    token: CardToken | None
    declined: bool
    amount: Amount
    currency: Currency
    capture: CaptureMode
    merchant: MerchantTerms | None = None
    card: CardSpendView | None = None

    @compensatable
    def check_merchant(self) -> CheckMerchant:
        """Only an active merchant takes money, in its currencies. There is nothing to undo."""
        return CheckMerchant(merchant_id=self.merchant_id, currency=self.currency)

    @check_merchant.learns
    def checked_merchant(self, terms: MerchantTerms) -> Self:
        """Whose it is, where its money goes, and what it pays."""
        return self.model_copy(update={"merchant": terms})

    @compensatable
    def decline(self) -> DeclineCard | None:
        """Only for a card whose data was found to be wrong at the edge."""
        return DeclineCard(payment_id=self.payment_id) if self.declined else None

    @compensatable
    def spend(self) -> SpendOnCard:
        """Count it against the card's limits; the card says which wallet pays."""
        return SpendOnCard(
            spend_id=self.payment_id,
            card_id=self.card_id,
            token=self.token,
            amount=self.amount,
            currency=self.currency,
        )

    @spend.undo
    def unspend(self) -> UnspendOnCard:
        """Take it off again."""
        return UnspendOnCard(spend_id=self.payment_id, card_id=self.card_id, token=self.token)

    @spend.learns
    def spent(self, card: CardSpendView) -> Self:
        """Whose card it is, and its wallet."""
        return self.model_copy(update={"card": card})

    @compensatable
    def hold(self) -> PlaceHold:
        """Set the money aside for the merchant; the ledger checks both wallets."""
        return PlaceHold(
            hold_id=self.hold_id,
            account_id=self.paid_with.wallet_id,
            owner=self.paid_with.owner,
            to=self.terms.settlement_wallet_id,
            amount=self.amount,
            currency=self.currency,
        )

    @hold.undo
    def release(self) -> ReleaseHold:
        """Give it back."""
        return ReleaseHold(hold_id=self.hold_id, account_id=self.paid_with.wallet_id)

    @pivot
    def settle(self) -> SettleHold | None:
        """Move it, unless the merchant captures later; the merchant's wallet pays the fee out of it."""
        if self.capture == "manual":
            return None
        leg = Leg(to=self.terms.settlement_wallet_id, amount=self.amount, kind="payment", fee=self.fee)
        return SettleHold(hold_id=self.hold_id, account_id=self.paid_with.wallet_id, currency=self.currency, legs=[leg])

    @retriable
    def complete(self) -> CompletePayment:
        """Say that it has moved, or is set aside."""
        fee = 0 if self.capture == "manual" else self.fee
        return CompletePayment(payment_id=self.payment_id, merchant=self.terms, card=self.paid_with, fee=fee)

    def on_failure(self, problem: Problem) -> FailPayment:
        """Say that it has not, and why, to those who were found out."""
        return FailPayment(
            payment_id=self.payment_id,
            merchant=self.merchant,
            card=self.card,
            code=problem.code,
            detail=problem.detail,
        )

    @property
    def hold_id(self) -> HoldId:
        """The payment's only hold."""
        return ids.sibling("hld", self.payment_id)

    @property
    def terms(self) -> MerchantTerms:
        """The merchant, who is known before anything is spent."""
        assert self.merchant is not None, "money is spent before its merchant is known"
        return self.merchant

    @property
    def paid_with(self) -> CardSpendView:
        """The card, which is known before anything is held."""
        assert self.card is not None, "money is held before its card is known"
        return self.card

    @property
    def fee(self) -> int:
        """The fee on all of it, in minor units."""
        return self.terms.fee.on(self.amount)
