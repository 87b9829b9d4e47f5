"""The chart of accounts: what the system's own accounts are for, and this process's stripe of them."""

from dataclasses import dataclass
from functools import cache

CUSTOMER = "customer"
"""The role of every wallet. All other roles are the system's, and only theirs may be overdrawn."""

SYSTEM = "system"
"""Who owns the accounts of this chart."""

STRIPES = 64
"""Each worker process writes a stripe of its own, or one row would serialise all; reports sum the stripes."""


@dataclass(frozen=True, slots=True)
class Role:
    """What one kind of system account is for."""

    name: str
    purpose: str


CLEARING = "clearing"
FEES = "fees"
SUSPENSE = "suspense"
RECEIVABLE = "receivable"

ROLES = {
    role.name: role
    for role in (
        Role(CLEARING, "Money on its way between payment providers and us: what they owe is negative here."),
        Role(FEES, "What we earn."),
        Role(SUSPENSE, "Money that arrived and fits no wallet, until an operator finds its owner."),
        Role("correction", "The other side of corrections that an operator books."),
        Role(RECEIVABLE, "What people owe us, an account for each wallet: money taken back that was gone already."),
    )
}

_PREFIX = "sys_"
_stripe = 0


def use_stripe(number: int) -> None:
    """Choose this process's stripe, once at its start."""
    global _stripe  # noqa: PLW0603 - one process is one stripe, for as long as it lives
    assert 0 <= number < STRIPES, f"there are stripes 0 to {STRIPES - 1}"
    _stripe = number


def account_id(role: str, currency: str) -> str:
    """The id of this process's own account of a role in a currency, e.g. `sys_clearing_idr_07`."""
    return _account_id(role, currency, _stripe)


def receivable_id(wallet: str, currency: str) -> str:
    """The id of the account that keeps what the owner of a wallet owes; it is never striped."""
    return f"{_PREFIX}{RECEIVABLE}_{currency.lower()}_{wallet.rpartition('_')[2]}"


def is_system(account: str) -> bool:
    """Whether an account is one of this chart: told by its id alone, so that statements need no join."""
    return account.startswith(_PREFIX)


def role(account: str) -> str:
    """The role of a system account, whatever its currency and stripe."""
    assert is_system(account), f"{account} is somebody's wallet"
    return account.removeprefix(_PREFIX).rsplit("_", 2)[0]


@cache
def _account_id(name: str, currency: str, stripe: int) -> str:
    return f"{_PREFIX}{ROLES[name].name}_{currency.lower()}_{stripe:02d}"
