"""A hold: money set aside for one purpose, which ends exactly once: captured or released.

Nothing expires by itself: what has a time to live, like a payment's authorisation, is released by its own saga. The
status `expired` is reserved, and counts as given back.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from contracts.ledger import (
    HoldCaptured,
    HoldExceeded,
    HoldReleased,
    HoldView,
    InsufficientFunds,
    Leg,
    PlaceHold,
)
from workers.ledger.accounts import Account

HoldStatus = Literal["open", "captured", "released", "expired"]
GIVEN_BACK = frozenset({"released", "expired"})


class Hold(NamedTuple):
    """`remaining` minor units of `account_id` can still be captured, for `to_account`; 0 once it has ended.

    A release that came before its hold leaves a tombstone: released, of amount 0, for nobody.
    """

    id: str
    account_id: str
    to_account: str | None
    amount: int
    remaining: int
    status: HoldStatus
    operation_id: str
    created_at: datetime
    ended_at: datetime | None

    def view(self, recipient: str | None = None) -> HoldView:
        """As a saga sees it; `recipient` owns the account that it is meant for."""
        return HoldView(
            id=self.id,
            account_id=self.account_id,
            amount=self.amount,
            remaining=self.remaining,
            recipient=recipient,
            status=self.status,
        )


def place(source: Account, command: PlaceHold, operation_id: str, at: datetime) -> tuple[Hold, Account]:
    """The hold, and the source with its amount set aside. Raises `InsufficientFunds`."""
    amount = command.amount
    if source.posted - source.held < amount:
        raise InsufficientFunds
    hold = Hold(command.hold_id, source.id, command.to, amount, amount, "open", operation_id, at, None)
    return hold, source.holding(source.held + amount)


def capture(hold: Hold, source: Account, legs: Sequence[Leg], at: datetime, *, final: bool) -> tuple[Hold, Account]:
    """The hold less its legs, and the source with that much no longer set aside, ready to be debited.

    `final` gives what remains back. Raises `HoldCaptured`, `HoldReleased`, `HoldExceeded`.
    """
    must_be_open(hold)
    captured = sum(leg.amount for leg in legs)
    if captured > hold.remaining:
        raise HoldExceeded
    left = 0 if final else hold.remaining - captured
    source = source.holding(source.held - hold.remaining + left)
    if left:
        return hold._replace(remaining=left), source
    return hold._replace(remaining=0, status="captured", ended_at=at), source


def release(hold: Hold, source: Account, at: datetime) -> tuple[Hold, Account]:
    """The hold given back, and the source with its money available. Raises `HoldCaptured`, `HoldReleased`."""
    must_be_open(hold)
    source = source.holding(source.held - hold.remaining)
    return hold._replace(remaining=0, status="released", ended_at=at), source


def tombstone(key: str, account: str, operation_id: str, at: datetime) -> Hold:
    """What stays of a release that came before its hold: the hold is refused when it comes."""
    return Hold(key, account, None, 0, 0, "released", operation_id, at, at)


def must_be_open(hold: Hold) -> None:
    """Raises `HoldCaptured`, `HoldReleased`."""
    if hold.status == "captured":
        raise HoldCaptured
    if hold.status != "open":
        raise HoldReleased
