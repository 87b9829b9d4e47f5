"""An account: whose money, in which currency, how much of it is spoken for, and what its status allows."""

from datetime import datetime
from typing import Any, NamedTuple

from contracts.envelope import Caller
from contracts.identity import PermissionDenied
from contracts.ledger import (
    BalanceView,
    CurrencyMismatch,
    WalletClosed,
    WalletFrozen,
    WalletNotEmpty,
    WalletStatus,
    WalletView,
)
from contracts.message import NotFound
from contracts.money import Currency
from workers.ledger import chart


class Account(NamedTuple):
    """`posted` is credits less debits and `held` what open holds set aside, in minor units of `currency`.

    `sequence` counts the account's movements. `frozen_by` is the principal who froze it.
    """

    id: str
    owner: str
    role: str
    currency: Currency
    label: str | None
    status: WalletStatus
    frozen_by: str | None
    posted: int
    held: int
    sequence: int
    created_at: datetime

    @property
    def available(self) -> int:
        """What can be spent now."""
        return self.posted - self.held

    @property
    def is_wallet(self) -> bool:
        """Whether it is a customer's, never to be overdrawn."""
        return self.role == chart.CUSTOMER

    def must_be_active(self, currency: str) -> None:
        """Raises `WalletFrozen`, `WalletClosed`, `CurrencyMismatch`."""
        if self.status == "frozen":
            raise WalletFrozen
        if self.status == "closed":
            raise WalletClosed
        if self.currency != currency:
            raise CurrencyMismatch

    def must_receive(self, currency: str) -> None:
        """Raises the same, in words about the other end."""
        if self.status == "frozen":
            raise WalletFrozen("The receiving wallet is frozen.")
        if self.status == "closed":
            raise WalletClosed("The receiving wallet is closed.")
        if self.currency != currency:
            raise CurrencyMismatch("The currency is not the receiving wallet's.")

    def renamed(self, label: str | None) -> "Account":
        """With another label. Raises `WalletClosed`."""
        self._must_not_be_closed()
        return self._replace(label=label)

    def frozen(self, caller: Caller) -> "Account":
        """Frozen by `caller`; an operator's freeze outranks the owner's. Raises `WalletClosed`."""
        self._must_not_be_closed()
        if self.status == "frozen" and (self._frozen_by_operator or caller.principal == self.owner):
            return self
        return self._replace(status="frozen", frozen_by=caller.principal)

    def unfrozen(self, caller: Caller) -> "Account":
        """Active again. Raises `WalletClosed`; `PermissionDenied` when only an operator may."""
        self._must_not_be_closed()
        if self._frozen_by_operator and not caller.oversees:
            raise PermissionDenied("An operator froze this wallet; only an operator can unfreeze it.")
        return self._replace(status="active", frozen_by=None)

    def closed(self, caller: Caller) -> "Account":
        """Closed for good. Raises `WalletNotEmpty`; `WalletFrozen` when only an operator may."""
        if self._frozen_by_operator and not caller.oversees:
            raise WalletFrozen
        if self.posted or self.held:
            raise WalletNotEmpty
        return self._replace(status="closed", frozen_by=None)

    def holding(self, held: int) -> "Account":
        """With that much set aside, in minor units."""
        return self._replace(held=held)

    def moved(self, amount: int) -> "Account":
        """After one more movement of so many minor units, negative when they leave."""
        return self._replace(posted=self.posted + amount, sequence=self.sequence + 1)

    def view(self) -> WalletView:
        """The wallet as its owner sees it."""
        return WalletView(
            id=self.id,
            currency=self.currency,
            label=self.label,
            status=self.status,
            balance=BalanceView(posted=self.posted, held=self.held, available=self.available),
            created_at=self.created_at,
        )

    def audited(self) -> dict[str, Any]:
        """What people change about a wallet."""
        return {"currency": self.currency, "label": self.label, "status": self.status, "frozen_by": self.frozen_by}

    @property
    def _frozen_by_operator(self) -> bool:
        return self.status == "frozen" and self.frozen_by != self.owner

    def _must_not_be_closed(self) -> None:
        if self.status == "closed":
            raise WalletClosed


def wallet(found: Account | None) -> Account:
    """What was found, if it is a wallet. Raises `NotFound`: the chart's accounts are nobody's to name."""
    if found is None or found.role != chart.CUSTOMER:
        raise NotFound
    return found


def opened(key: str, owner: str, currency: Currency, label: str | None, at: datetime) -> Account:
    """A new, empty wallet."""
    return Account(key, owner, chart.CUSTOMER, currency, label, "active", None, 0, 0, 0, at)


def system(role: str, currency: Currency, at: datetime) -> Account:
    """A new, empty account of the chart, on this process's stripe."""
    key = chart.account_id(role, currency)
    return Account(key, chart.SYSTEM, role, currency, None, "active", None, 0, 0, 0, at)


def receivable(wallet_id: str, currency: Currency, at: datetime) -> Account:
    """A new account for what the owner of a wallet owes; its label is the wallet."""
    key = chart.receivable_id(wallet_id, currency)
    return Account(key, chart.SYSTEM, chart.RECEIVABLE, currency, wallet_id, "active", None, 0, 0, 0, at)
