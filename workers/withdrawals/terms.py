"""What may be withdrawn and what it costs, as data: minor units of each currency; and what the settings add."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from contracts.money import MAX_AMOUNT, Currency
from contracts.moving import AmountOutOfRange

METHOD = "bank_transfer"

Changes = Mapping[Currency, Mapping[str, int]]
UNCHANGED: Changes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Terms:
    """The bounds and the fee of one payout. Raises `ValueError` if no amount fits, or none together with its fee."""

    min_amount: int
    max_amount: int
    fee: int

    def __post_init__(self) -> None:
        if not 1 <= self.min_amount <= self.max_amount <= MAX_AMOUNT - self.fee <= MAX_AMOUNT:
            raise ValueError(f"These terms allow no withdrawals: {self}")


CATALOGUE: dict[Currency, Terms] = {
    "IDR": Terms(1, 10**12, 2_500),
    "USD": Terms(1, 10**10, 25),
    "EUR": Terms(1, 10**10, 20),
    "GBP": Terms(1, 10**10, 20),
    "SGD": Terms(1, 10**10, 20),
    "MYR": Terms(1, 10**10, 50),
    "PHP": Terms(1, 10**11, 10_00),
    "THB": Terms(1, 10**11, 5_00),
    "VND": Terms(1, 10**12, 3_300),
    "INR": Terms(1, 10**11, 5_00),
    "AUD": Terms(1, 10**10, 20),
    "JPY": Terms(1, 10**10, 150),
    "KWD": Terms(1, 10**9, 150),
}

UNLISTED = Terms(1, 10**12, 0)
"""What the settings begin with where they name a currency that the catalogue doesn't."""


@dataclass
class Policy:
    """What the settings say: how long one may think better of it, how much a day, and at which terms."""

    grace: timedelta = timedelta()
    daily: dict[str, int] = field(default_factory=dict)
    terms: dict[Currency, Terms] = field(default_factory=lambda: CATALOGUE)


policy = Policy()


def use(grace_seconds: int, daily: dict[str, int], changes: Changes = UNCHANGED) -> None:
    """Take the settings, once at the start of the process; `changes` are of the catalogue. Raises `ValueError`."""
    changed = {currency: replace(CATALOGUE.get(currency, UNLISTED), **told) for currency, told in changes.items()}
    policy.grace, policy.daily, policy.terms = timedelta(seconds=grace_seconds), daily, CATALOGUE | changed


def check(currency: Currency, amount: int) -> Terms:
    """The terms, if that much may be withdrawn at once. Raises `AmountOutOfRange`."""
    terms = policy.terms.get(currency)
    if terms is None:
        raise AmountOutOfRange(f"There are no withdrawals in {currency}.")
    if not terms.min_amount <= amount <= terms.max_amount:
        raise AmountOutOfRange(f"A withdrawal is of {terms.min_amount} to {terms.max_amount} minor units.")
    return terms
