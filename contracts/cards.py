"""Cards: virtual cards that stand for a wallet, and what is spent on them."""

from datetime import datetime
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from contracts.ids import CardId, Id, UserId, WalletId
from contracts.ledger import Label
from contracts.message import (
    Call,
    Change,
    Command,
    CountView,
    Event,
    Kind,
    Nothing,
    Query,
    Reason,
    Refusal,
    Revealed,
    SecretText,
    Text,
    View,
)
from contracts.money import Amount, Balance, Currency
from contracts.pages import Moment, PageOf

Brand = Literal["visa", "mastercard", "amex", "jcb", "unionpay", "discover", "diners", "gpn"]
BRANDS: tuple[Brand, ...] = get_args(Brand)
CardType = Literal["debit", "prepaid", "credit"]
CardStatus = Literal["active", "frozen", "canceled", "expired", "archived"]
CardChange = Literal["updated", "frozen", "unfrozen", "canceled", "archived", "restored", "purged"]
Search = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]

CardToken = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^tok_[A-Za-z0-9_-]+$")]
"""Stands for a card whose number and CVV were right a moment ago: short-lived, and good for one spend."""


class CardLimits(View):
    """Minor units of the wallet's currency; absent is unlimited. Days and months are UTC's."""

    per_payment: Amount | None = None
    daily: Amount | None = None
    monthly: Amount | None = None


class CardView(View):
    """A card as its owner sees it. It is good until the end of its last month, UTC."""

    id: CardId
    wallet_id: WalletId
    currency: Currency
    brand: Brand
    type: CardType
    bin: str
    last4: str
    exp_month: int
    exp_year: int
    status: CardStatus
    label: str | None = None
    limits: CardLimits
    created_at: datetime
    archived_at: datetime | None = None


class IssuedCardView(CardView):
    """A new card. Its number and CVV are shown here, once."""

    pan: Revealed = None
    cvv: Revealed = None


class SpentView(View):
    """What was spent in a period, and what its limit leaves (null: no limit). Minor units."""

    period: str
    count: int
    amount: Balance
    limit: Balance | None = None
    remaining: Balance | None = None


class CardDashboardView(View):
    """A card at a glance. What was given back does not count; `declined` are spends that the card refused."""

    card: CardView
    today: SpentView
    this_month: SpentView
    total: SpentView
    declined: int
    wrong_codes: int
    blocked_until: datetime | None = None
    last_spent_at: datetime | None = None


class CardRef(View):
    """A card that was resolved for a saga: which wallet it stands for, and whose."""

    card_id: CardId
    wallet_id: WalletId
    owner: UserId
    brand: Brand
    last4: str


class CardSpendView(CardRef):
    """A spend that its card allows and has counted."""


class CardTokenView(View):
    """A token for one spend."""

    token: SecretText
    expires_in: int


class IssueCard(Command[IssuedCardView]):
    """Issue a card on one of the caller's wallets; the saga asks the ledger. Raises what `CheckWallet` does."""

    wallet_id: WalletId
    brand: Brand
    type: CardType
    label: Label | None = None
    limits: CardLimits = Field(default_factory=CardLimits)


class UpdateCard(Change[CardView]):
    """Change what is said; what is not stays. `limits` are replaced as a whole."""

    card_id: CardId
    label: Label | None = None
    limits: CardLimits | None = None


class FreezeCard(Command[CardView]):
    """Nothing is spent on a frozen card. What an operator froze only an operator unfreezes."""

    card_id: CardId
    reason: Reason | None = None


class UnfreezeCard(Command[CardView]):
    """The opposite of `FreezeCard`. Raises `PermissionDenied` to an owner whose card an operator froze."""

    card_id: CardId
    reason: Reason | None = None


class CancelCard(Command[CardView]):
    """End a card for good. Again is harmless."""

    card_id: CardId
    reason: Reason | None = None


class ArchiveCard(Command[CardView]):
    """Put a card away: it can't be used and is listed only when asked for. Again is harmless."""

    card_id: CardId
    reason: Reason | None = None


class RestoreCard(Command[CardView]):
    """The opposite of `ArchiveCard`: the card is what it was."""

    card_id: CardId
    reason: Reason | None = None


class PurgeCard(Command[Nothing]):
    """Delete an archived card. Raises `NotArchived`. What was paid with it stays."""

    card_id: CardId


class RestoreArchivedCards(Command[CountView]):
    """Restore the caller's archived cards."""


class PurgeArchivedCards(Command[CountView]):
    """Delete the caller's archived cards."""


class GetCard(Query[CardView]):
    """One card."""

    card_id: CardId


class ListCards(PageOf[CardView]):
    """The caller's cards (everybody's for those who oversee), newest first. `created_to` is exclusive.

    `search` looks for a part of the label, or for the last four digits. Archived ones come only with
    `include=archived` or `status=archived`.
    """

    status: CardStatus | None = None
    brand: Brand | None = None
    type: CardType | None = None
    wallet_id: WalletId | None = None
    search: Search | None = None
    include: Literal["archived"] | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class GetCardDashboard(Query[CardDashboardView]):
    """What was spent on a card."""

    card_id: CardId


class TokenizeCard(Call[CardTokenView]):
    """Swap card data for a token. Raises `Declined`, whatever is wrong with it, and `TooManyTries`.

    A card that was tried too often with wrong codes is declined for a while, even with the right one.
    """

    pan: Annotated[SecretText, StringConstraints(pattern=r"^[0-9]{12,19}$")]
    cvv: Annotated[SecretText, StringConstraints(pattern=r"^[0-9]{3,4}$")]
    exp_month: Annotated[int, Field(ge=1, le=12)]
    exp_year: Annotated[int, Field(ge=2000, le=2199)]


class CardRequested(Event):
    """Somebody asked for a card."""

    card_id: CardId
    owner: UserId
    wallet_id: WalletId
    brand: Brand
    type: CardType
    label: Label | None
    limits: CardLimits


class CardIssued(Event):
    """There is a new card."""

    card: CardView
    owner: UserId


class CardChanged(Event):
    """A card is not what it was."""

    card: CardView
    owner: UserId
    change: CardChange


class EmbossCard(Command[IssuedCardView]):
    """Make the card that was asked for, with a number that no other card has.

    Raises `TooManyCards`, and `PermissionDenied` where the owner was archived meanwhile.
    """

    internal = True
    slow = True

    card_id: CardId
    owner: UserId
    wallet_id: WalletId
    currency: Currency
    brand: Brand
    type: CardType
    label: Label | None
    limits: CardLimits


class ResolveCard(Command[CardRef]):
    """Which wallet a usable card stands for. `owner` None means anybody's card: a destination.

    Raises `NotFound` (also for an archived card, or one that is not `owner`'s), `CardFrozen`, `CardExpired`,
    `CardCanceled`.
    """

    internal = True

    card_id: CardId
    owner: UserId | None = None


class SpendOnCard(Command[CardSpendView]):
    """Count a spend against the card's limits, once per `spend_id`, and use up `token`.

    The card is named by `card_id`, by `token` (which finds it), or by both. Raises what `ResolveCard` does,
    `CardTokenInvalid`, `CurrencyMismatch`, `LimitExceeded`, `SpendUndone` (the undoing came first).
    """

    internal = True

    spend_id: Id
    card_id: CardId | None = None
    token: CardToken | None = None
    owner: UserId | None = None
    amount: Amount
    currency: Currency

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.card_id is None and self.token is None:
            message = "Name the card by card_id or token."
            raise ValueError(message)
        return self


class UnspendOnCard(Command[CountView]):
    """Give a spend's amount back to the limits of its day and month. Name the card just as `SpendOnCard` did.

    Harmless when repeated, when the card is gone, and before its spend (a tombstone stays). A token stays used up.
    """

    internal = True

    spend_id: Id
    card_id: CardId | None = None
    token: CardToken | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.card_id is None and self.token is None:
            message = "Name the card by card_id or token."
            raise ValueError(message)
        return self


class CardFrozen(Refusal):
    """The card is frozen, or its holder is archived."""

    kind = Kind.FORBIDDEN
    detail = "The card is frozen."


class CardExpired(Refusal):
    """The card's last month is over."""

    kind = Kind.FORBIDDEN
    detail = "The card has expired."


class CardCanceled(Refusal):
    """The card was canceled."""

    kind = Kind.FORBIDDEN
    detail = "The card was canceled."


class CardArchived(Refusal):
    """An archived card only changes by being restored."""

    kind = Kind.CONFLICT
    detail = "The card is archived; restore it first."


class CardTokenInvalid(Refusal):
    """The token is unknown, used up, too old, or another card's."""

    kind = Kind.MONEY
    detail = "The card token is not valid any more."


class LimitExceeded(Refusal):
    """One of the card's limits would be passed."""

    kind = Kind.MONEY
    detail = "A limit of the card would be exceeded."


class TooManyCards(Refusal):
    """The owner has as many cards as one may have."""

    kind = Kind.CONFLICT
    detail = "You have as many cards as one may have; purge one first."


class SpendUndone(Refusal):
    """The spend was undone before it came."""

    kind = Kind.CONFLICT
    detail = "The spend was undone."


class TooManyTries(Refusal):
    """Too much wrong card data came from here."""

    kind = Kind.TOO_MANY
    detail = "Too many cards were declined; try again later."
