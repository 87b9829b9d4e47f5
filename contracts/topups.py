"""Top-ups: money that arrives from a provider."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.ids import TopUpId, UserId, WalletId
from contracts.message import Command, Event, Kind, Metadata, Query, Refusal, View
from contracts.money import Amount, Balance, Currency
from contracts.operations import FailureView
from contracts.pages import Moment, PageOf

TopUpStatus = Literal["pending", "succeeded", "failed", "unknown", "reversed"]
MethodId = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$")]


class TopUpView(View):
    """One top-up."""

    id: TopUpId
    status: TopUpStatus
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    method: MethodId
    metadata: dict[str, str]
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
    """Charge the caller at a provider and credit the wallet."""

    wallet_id: WalletId
    amount: Amount
    currency: Currency
    method: MethodId
    metadata: Metadata = Field(default_factory=dict)


class GetTopUp(Query[TopUpView]):
    """One top-up."""

    topup_id: TopUpId


class ListTopUps(PageOf[TopUpView]):
    """The caller's top-ups (everybody's for those who oversee), newest first. `created_to` is exclusive."""

    status: TopUpStatus | None = None
    wallet_id: WalletId | None = None
    method: MethodId | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class ListTopUpMethods(Query[TopUpMethodsView]):
    """The method catalogue."""


class TopUpRequested(Event):
    """Somebody asked for a top-up."""

    topup_id: TopUpId
    owner: UserId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    method: MethodId


class TopUpSucceeded(Event):
    """Charged and credited."""

    topup: TopUpView
    owner: UserId


class TopUpFailed(Event):
    """Not charged, nothing credited."""

    topup: TopUpView
    owner: UserId


class ChargeView(View):
    """What the provider said of a charge."""

    provider_id: str


class ChargeTopUp(Command[ChargeView]):
    """Charge at the provider, under this message's id as its idempotency key. Raises `Declined`."""

    internal = True
    slow = True

    topup_id: TopUpId
    amount: Amount
    currency: Currency
    method: MethodId


class CompleteTopUp(Command[TopUpView]):
    """The money is in the wallet."""

    internal = True

    topup_id: TopUpId


class FailTopUp(Command[TopUpView]):
    """The wallet or the provider said no."""

    internal = True

    topup_id: TopUpId
    code: str
    detail: str


class Declined(Refusal):
    """The provider said no."""

    kind = Kind.MONEY
    detail = "The payment provider declined."


class MethodUnknown(Refusal):
    """No such method in this currency."""

    kind = Kind.INVALID
    detail = "There is no such top-up method for this currency."


class AmountOutOfRange(Refusal):
    """The method takes more or less than this."""

    kind = Kind.INVALID
    detail = "The amount is outside what the method takes."
