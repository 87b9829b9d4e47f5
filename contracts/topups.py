"""Top-ups: money that arrives from a provider."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.callbacks import ProviderName
from contracts.ids import CardId, TopUpId, UserId, WalletId
from contracts.message import Command, Event, Kind, Metadata, Query, Reason, Refusal, View, exactly_one
from contracts.money import Amount, Balance, Currency
from contracts.operations import FailureView
from contracts.pages import Moment, PageOf

TopUpStatus = Literal["pending", "succeeded", "failed", "unknown", "reversed"]
MethodId = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$")]


class TopUpView(View):
    """One top-up.

    `fee` is what the provider adds to the payer's bill. `amount_received` is what was really charged, where that is
    another amount than was asked for. `receivable` is what its owner owes since a reversal.
    """

    id: TopUpId
    status: TopUpStatus
    wallet_id: WalletId | None
    card_id: CardId | None = None
    amount: Amount
    currency: Currency
    method: MethodId
    metadata: dict[str, str]
    fee: Balance = 0
    amount_received: Balance | None = None
    receivable: Balance | None = None
    failure: FailureView | None = None
    created_at: datetime
    completed_at: datetime | None = None


class TopUpMethodView(View):
    """A way to top up. Amounts and fee in minor units of `currency`.

    The wallet gets the whole amount: the fee is what the provider adds to the payer's bill.
    """

    id: MethodId
    name: str
    currency: Currency
    min_amount: Amount
    max_amount: Amount
    fee: Balance


class TopUpMethodsView(View):
    """All of them."""

    data: list[TopUpMethodView]


class RequestTopUp(Command[TopUpView]):
    """Charge the caller at a provider and credit the wallet, or the wallet of a card."""

    model_config = exactly_one("wallet_id", "card_id")

    wallet_id: WalletId | None = None
    card_id: CardId | None = None
    amount: Amount
    currency: Currency
    method: MethodId
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.wallet_id is None) == (self.card_id is None):
            raise ValueError("Name exactly one of wallet_id and card_id.")
        return self


class ReverseTopUp(Command[TopUpView]):
    """Take a top-up back: its provider has. What is gone from the wallet is owed by its owner.

    Raises `NotReversible`.
    """

    topup_id: TopUpId
    reason: Reason | None = None


class ResolveTopUp(Command[TopUpView]):
    """An operator has found out what has become of it. Again is harmless.

    If another amount was charged than was asked for, `succeeded` gives the wallet what was charged. Raises
    `NotUnresolved`, `AlreadyResolved`.
    """

    topup_id: TopUpId
    outcome: Literal["succeeded", "failed"]
    reason: Reason


class GetTopUp(Query[TopUpView]):
    """One top-up."""

    topup_id: TopUpId


class ListTopUps(PageOf[TopUpView]):
    """The caller's top-ups (everybody's for those who oversee), newest first. `created_to` is exclusive."""

    status: TopUpStatus | None = None
    wallet_id: WalletId | None = None
    card_id: CardId | None = None
    method: MethodId | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class ListTopUpMethods(Query[TopUpMethodsView]):
    """The method catalogue."""


class TopUpRequested(Event):
    """Somebody asked for a top-up."""

    topup_id: TopUpId
    owner: UserId
    wallet_id: WalletId | None = None
    amount: Amount
    currency: Currency
    method: MethodId
    card_id: CardId | None = None


class TopUpSucceeded(Event):
    """Charged and credited."""

    topup: TopUpView
    owner: UserId
    provider: ProviderName = "sandbox"


class TopUpFailed(Event):
    """Not charged, nothing credited."""

    topup: TopUpView
    owner: UserId


class TopUpReversed(Event):
    """The money was taken back."""

    topup: TopUpView
    owner: UserId
    provider: ProviderName = "sandbox"


class TopUpContradicted(Event):
    """The provider, or an operator, says that it has become `to`, after the books were closed on the opposite.

    `amount` minor units of it are to move; what is taken back lies at suspense if it is `parked`.
    """

    topup_id: TopUpId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    to: Literal["succeeded", "reversed"]
    parked: bool = False


class ChargeView(View):
    """What the provider has charged. `amount` minor units, which are what was asked for if it `fits`."""

    provider_id: str
    amount: Balance = 0
    fits: bool = True


class DecisionView(View):
    """What an operator makes of money that does not fit: for the wallet, or `returned` by the provider meanwhile."""

    credited: bool
    returned: bool = False


class ChargeTopUp(Command[ChargeView]):
    """Charge at the provider, once however often. Raises `Declined`, `NotYet`, `OutcomeUnknown`."""

    internal = True
    slow = True

    topup_id: TopUpId
    amount: Amount
    currency: Currency
    method: MethodId
    wallet_id: WalletId | None = None


class DecideTopUp(Command[DecisionView]):
    """What becomes of money that does not fit. Raises `OutcomeUnknown` until an operator has said so."""

    internal = True

    topup_id: TopUpId


class CompleteTopUp(Command[TopUpView]):
    """The money is in the wallet: `amount` minor units, by default what the provider says."""

    internal = True

    topup_id: TopUpId
    amount: Balance = 0


class CorrectTopUp(Command[TopUpView]):
    """The books say now that it has become `to`: `amount` minor units of it.

    `receivable` of what was taken back is owed by its owner; what the wallet could not take is `parked` at suspense.
    """

    internal = True

    topup_id: TopUpId
    to: Literal["succeeded", "reversed"]
    receivable: Balance = 0
    amount: Balance = 0
    parked: bool = False


class FailTopUp(Command[TopUpView]):
    """The wallet or the provider said no. `parked` minor units that were charged all the same lie at suspense."""

    internal = True

    topup_id: TopUpId
    code: str
    detail: str
    parked: Balance = 0


class MethodUnknown(Refusal):
    """No such method in this currency."""

    kind = Kind.INVALID
    detail = "There is no such top-up method for this currency."


class NotReversible(Refusal):
    """Only what has succeeded, and was not reversed, can be."""

    kind = Kind.CONFLICT
    detail = "Only a top-up that has succeeded can be reversed."
