"""What an operator decides about payments, once for each process."""

from datetime import timedelta
from typing import Literal, NamedTuple

RefundFees = Literal["proportional", "kept"]


class Policy(NamedTuple):
    """How long money stays set aside for a capture, and whether a refund returns its part of the merchant's fee."""

    authorized_for: timedelta = timedelta(days=7)
    refund_fees: RefundFees = "proportional"


_policy = Policy()


def use(policy: Policy) -> None:
    """Choose, at the start of the process."""
    global _policy  # noqa: PLW0603 - one process has one policy, for as long as it lives
    _policy = policy


def current() -> Policy:
    """What was chosen."""
    return _policy
