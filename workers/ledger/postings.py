"""Double entry, pure: a movement changes two accounts by the same amount, so the sum of all stays."""

from datetime import datetime
from typing import NamedTuple

from contracts.ledger import (
    CurrencyMismatch,
    InsufficientFunds,
    MovementKind,
    SelfTransfer,
    WalletBalanceLimit,
)
from contracts.money import Currency
from workers.ledger.accounts import Account

MAX_BALANCE = 9 * 10**18
"""The largest balance either way, in minor units: what a bigint holds, rounded down."""


class Movement(NamedTuple):
    """Money that went from `debit_account` to `credit_account`; never changed, corrected only by another one.

    `…_seq` is its number in that account's own count, `…_balance_after` that account's posted balance then.
    """

    id: str
    debit_account: str
    credit_account: str
    amount: int
    currency: Currency
    kind: MovementKind
    operation_id: str
    hold_id: str | None
    debit_seq: int
    credit_seq: int
    debit_balance_after: int
    credit_balance_after: int
    created_at: datetime


class Entry(NamedTuple):
    """What a movement says of itself before it knows its place in its accounts. `amount` in minor units."""

    id: str
    amount: int
    kind: MovementKind
    operation_id: str
    hold_id: str | None
    created_at: datetime


class Posted(NamedTuple):
    """A movement, and both accounts after it."""

    debit: Account
    credit: Account
    movement: Movement


def post(debit: Account, credit: Account, entry: Entry) -> Posted:
    """Move money from one account to another.

    Raises `InsufficientFunds` when a wallet would spend more than is available, `WalletBalanceLimit`,
    `CurrencyMismatch`, `SelfTransfer`.
    """
    _must_fit(debit, credit, entry.amount)
    debit, credit = debit.moved(-entry.amount), credit.moved(entry.amount)
    movement = Movement(
        entry.id,
        debit.id,
        credit.id,
        entry.amount,
        debit.currency,
        entry.kind,
        entry.operation_id,
        entry.hold_id,
        debit.sequence,
        credit.sequence,
        debit.posted,
        credit.posted,
        entry.created_at,
    )
    return Posted(debit, credit, movement)


def fits(credit: Account, amount: int) -> bool:
    """Whether the account can hold that much more."""
    return credit.posted + amount <= MAX_BALANCE


def _must_fit(debit: Account, credit: Account, amount: int) -> None:
    assert amount > 0, "money moves forwards; the other way round is another movement"
    if debit.id == credit.id:
        raise SelfTransfer
    if debit.currency != credit.currency:
        raise CurrencyMismatch
    if debit.is_wallet and debit.posted - debit.held < amount:
        raise InsufficientFunds
    if not fits(credit, amount) or debit.posted - amount < -MAX_BALANCE:
        raise WalletBalanceLimit
