"""What may be withdrawn and what it costs, as data: minor units of each currency; and what the settings add."""

from dataclasses import dataclass, field
from datetime import timedelta

from contracts.money import Currency
from contracts.topups import AmountOutOfRange

METHOD = "bank_transfer"


@dataclass(frozen=True, slots=True)
class Terms:
    """The bounds and the fee of one payout."""

    min_amount: int
    max_amount: int
    fee: int


CATALOGUE: dict[Currency, Terms] = {
    "IDR": Terms(10_000, 10**12, 2_500_00),
    "USD": Terms(1_00, 10**10, 25),
    "EUR": Terms(1_00, 10**10, 20),
    "GBP": Terms(1_00, 10**10, 20),
    "SGD": Terms(1_00, 10**10, 20),
    "MYR": Terms(1_00, 10**10, 50),
    "PHP": Terms(50_00, 10**11, 10_00),
    "THB": Terms(20_00, 10**11, 5_00),
    "VND": Terms(10_000, 10**12, 3_300),
    "INR": Terms(50_00, 10**11, 5_00),
    "AUD": Terms(1_00, 10**10, 20),
    "JPY": Terms(100, 10**10, 150),
    "KWD": Terms(500, 10**9, 150),
}


@dataclass
class Policy:
    """What the settings say: how long one may think better of it, and how much a day."""

    grace: timedelta = timedelta()
    daily: dict[str, int] = field(default_factory=dict)


policy = Policy()


def use(grace_seconds: int, daily: dict[str, int]) -> None:
    """Take the settings, once at the start of the process."""
    policy.grace, policy.daily = timedelta(seconds=grace_seconds), daily


def check(currency: Currency, amount: int) -> Terms:
    """The terms, if that much may be withdrawn at once. Raises `AmountOutOfRange`."""
    terms = CATALOGUE.get(currency)
    if terms is None:
        raise AmountOutOfRange(f"There are no withdrawals in {currency}.")
    if not terms.min_amount <= amount <= terms.max_amount:
        raise AmountOutOfRange(f"A withdrawal is of {terms.min_amount} to {terms.max_amount} minor units.")
    return terms
