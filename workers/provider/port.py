"""The port: what every payment provider can do for us, and the words in which it is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

Kind = Literal["charge", "payout"]
Status = Literal["pending", "succeeded", "declined", "reversed"]
LineType = Literal["charge", "payout", "charge_reversal", "payout_reversal"]


class Unclear(Exception):
    """The provider may or may not have done it: ask again under the same key, and never guess."""


class NotAsked(Unclear):
    """The provider has certainly not been asked: it is out of order, or could not be reached at all."""


class Forged(Exception):
    """A callback that the provider has not signed, or not lately."""


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """Whose account at which bank."""

    bank: str
    account_number: str
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be charged or paid out, in minor units. `reference` is our name for it in the provider's books."""

    kind: Kind
    reference: str
    method: str
    amount: int
    currency: str
    beneficiary: Beneficiary | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """What the provider says of an order: as it stands, numbered by `version`; of two words the later one counts.

    `amount` is what was really charged or paid. `reason` says why it was declined or reversed, in our own words.
    """

    kind: Kind
    reference: str
    provider_id: str
    status: Status
    amount: int
    currency: str
    version: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A word that the provider brought by itself; `id` is the same each time that it is brought."""

    id: str
    word: Word


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the provider's statement. `amount` is positive; `type` says which way it went."""

    type: LineType
    reference: str
    provider_id: str
    amount: int
    currency: str
    at: datetime


class Provider(Protocol):
    """What every payment provider can do for us."""

    async def charge(self, order: Order, *, key: str) -> Word:
        """Charge once for each `key`, however often it is asked. Raises `Unclear`, `NotAsked`."""

    async def payout(self, order: Order, *, key: str) -> Word:
        """Pay out once for each `key`, likewise. Raises `Unclear`, `NotAsked`."""

    async def status(self, kind: Kind, reference: str) -> Word | None:
        """What has become of an order; None if it is not known there, which may change. Raises `Unclear`."""

    async def statement(self, day: date) -> list[Line]:
        """Everything that moved money on a day (UTC), in order. Raises `Unclear`."""

    def verify_callback(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Callback:
        """What a callback says, if it is the provider's own. Raises `Forged`."""
