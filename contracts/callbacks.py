"""Callbacks: what payment providers say by themselves, once their signature was found right."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from contracts.message import Call, Event, Kind, Refusal, View
from contracts.money import Balance

ProviderName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$")]
WordStatus = Literal["pending", "succeeded", "declined", "reversed"]


class CallbackView(View):
    """It was taken, and will not be lost."""

    received: bool = True


class ProviderWord(View):
    """What a provider says of an order of ours, `reference`. Of two words the one with the higher `version` counts."""

    provider: ProviderName
    provider_id: str
    reference: str
    status: WordStatus
    amount: Balance
    currency: str
    version: int
    reason: str | None = None


class HearCallback(Call[CallbackView]):
    """A provider tells how a payment stands: signed, as it came. Raises `SignatureInvalid`, `NotFound`."""

    provider: ProviderName
    headers: dict[str, str]
    body: str


class ChargeReported(Event):
    """A provider has told how a charge stands."""

    word: ProviderWord


class PayoutReported(Event):
    """A provider has told how a payout stands."""

    word: ProviderWord


class SignatureInvalid(Refusal):
    """The provider has not signed this, or not lately."""

    kind = Kind.UNAUTHENTICATED
    detail = "The signature of the callback is not valid."
