"""A card for a wallet, from the wish to the card."""

from datetime import timedelta
from typing import Self

from contracts.cards import Brand, CardLimits, CardRequested, CardType, EmbossCard
from contracts.ids import CardId, UserId, WalletId
from contracts.ledger import AccountRef, CheckWallet
from contracts.money import Currency
from workers.runtime.saga import Saga, compensatable, pivot


class IssueWalletCard(Saga):
    """Ask whether the wallet is the caller's and in use, then emboss. Where that fails there is no card at all."""

    starts_on = CardRequested
    deadline = timedelta(minutes=5)

    card_id: CardId
    owner: UserId
    wallet_id: WalletId
    brand: Brand
    type: CardType
    label: str | None
    limits: CardLimits
    currency: Currency | None = None

    @compensatable
    def check(self) -> CheckWallet:
        """There is nothing to undo."""
        return CheckWallet(account_id=self.wallet_id, owner=self.owner)

    @check.learns
    def checked(self, account: AccountRef) -> Self:
        """The card has the wallet's currency."""
        return self.model_copy(update={"currency": account.currency})

    @pivot
    def emboss(self) -> EmbossCard:
        """Make it; this finishes the operation."""
        assert self.currency is not None, "the wallet told its currency"
        return EmbossCard(
            card_id=self.card_id,
            owner=self.owner,
            wallet_id=self.wallet_id,
            currency=self.currency,
            brand=self.brand,
            type=self.type,
            label=self.label,
            limits=self.limits,
        )
