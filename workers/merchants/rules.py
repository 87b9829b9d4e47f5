"""What a merchant is and may become: pure, without a database or a clock."""

from datetime import datetime
from typing import Any, NamedTuple

from contracts.archive import NotArchived
from contracts.envelope import Caller
from contracts.identity import PermissionDenied
from contracts.ledger import CurrencyMismatch
from contracts.merchants import (
    CreateMerchant,
    FeeTerms,
    MerchantArchived,
    MerchantNotActive,
    MerchantPending,
    MerchantStatus,
    MerchantTerms,
    MerchantView,
    UpdateMerchant,
)
from contracts.money import Currency

MERCHANTS_MAX = 100
"""How many merchants one person has, archived ones included."""


class Merchant(NamedTuple):
    """One row of `merchants.merchants`. `wallets` are its settlement wallets by currency; its fee is in minor units."""

    id: str
    owner: str
    name: str
    status: MerchantStatus
    currency: Currency
    wallets: dict[str, str]
    fee_fixed: int
    fee_basis_points: int
    webhook_url: str | None
    created_at: datetime
    archived: bool
    archived_at: datetime | None
    owner_archived: bool

    @classmethod
    def create(cls, command: CreateMerchant, fee: FeeTerms, *, owner: str, at: datetime, key: str) -> "Merchant":
        """A pending one, on today's usual terms; its settlement wallet is yet to be opened."""
        return cls(
            key,
            owner,
            command.name,
            "pending",
            command.currency,
            {},
            fee.fixed,
            fee.basis_points,
            command.webhook_url,
            at,
            archived=False,
            archived_at=None,
            owner_archived=False,
        )

    @property
    def active(self) -> bool:
        """Whether it takes payments and its keys call."""
        return self.status == "active" and not self.archived and not self.owner_archived

    def settling(self, currency: Currency, wallet_id: str) -> "Merchant":
        """With a settlement wallet in this currency. Again is harmless."""
        return self._replace(wallets={**self.wallets, currency: wallet_id})

    def updated(self, command: UpdateMerchant, caller: Caller) -> "Merchant":
        """With what the command says. Raises `MerchantArchived`; `PermissionDenied` to an owner who names a fee."""
        self._must_not_be_archived()
        changed = self
        if command.fee is not None:
            if not caller.oversees:
                raise PermissionDenied("Fees are agreed with an operator.")
            changed = changed._replace(fee_fixed=command.fee.fixed, fee_basis_points=command.fee.basis_points)
        if command.name is not None:
            changed = changed._replace(name=command.name)
        if "webhook_url" in command.model_fields_set:
            changed = changed._replace(webhook_url=command.webhook_url)
        return changed

    def approved(self) -> "Merchant":
        """Active. Raises `MerchantArchived`, and `MerchantPending` while it has no settlement wallet."""
        self._must_not_be_archived()
        if self.currency not in self.wallets:
            raise MerchantPending("The merchant's settlement wallet is not open yet.")
        return self._replace(status="active")

    def suspended(self) -> "Merchant":
        """Stopped until it is approved again. Raises `MerchantArchived`, `MerchantPending`."""
        self._must_not_be_archived()
        if self.status == "pending":
            raise MerchantPending
        return self._replace(status="suspended")

    def put_away(self, at: datetime) -> "Merchant":
        """Archived; the rest stays as it is."""
        return self if self.archived else self._replace(archived=True, archived_at=at)

    def restored(self) -> "Merchant":
        """As before it was archived."""
        return self._replace(archived=False, archived_at=None)

    def owned(self, *, by_archived: bool) -> "Merchant":
        """With what is known of its owner; the rest stays as it is."""
        return self._replace(owner_archived=by_archived)

    def must_be_purgeable(self) -> None:
        """Raises `NotArchived`."""
        if not self.archived:
            raise NotArchived

    def must_take_keys(self) -> None:
        """Raises `MerchantArchived`. A pending merchant may prepare its machines."""
        self._must_not_be_archived()

    def terms(self, currency: Currency | None) -> MerchantTerms:
        """For a payment in this currency, or its own. Raises `MerchantNotActive`, `CurrencyMismatch`."""
        if not self.active:
            raise MerchantNotActive
        wanted = currency or self.currency
        if wanted not in self.wallets:
            raise CurrencyMismatch("The merchant does not take this currency.")
        return MerchantTerms(
            merchant_id=self.id,
            name=self.name,
            owner=self.owner,
            currency=wanted,
            settlement_wallet_id=self.wallets[wanted],
            fee_fixed=self.fee_fixed,
            fee_basis_points=self.fee_basis_points,
        )

    def view(self) -> MerchantView:
        """How its owner sees it."""
        return MerchantView(
            id=self.id,
            name=self.name,
            owner=self.owner,
            status=self.status,
            currency=self.currency,
            settlement_wallet_id=self.wallets.get(self.currency),
            settlement_wallets=self.wallets,
            fee=FeeTerms(fixed=self.fee_fixed, basis_points=self.fee_basis_points),
            webhook_url=self.webhook_url,
            created_at=self.created_at,
            archived_at=self.archived_at,
        )

    def trail(self) -> dict[str, Any]:
        """What the audit keeps of it for ever: no names, and no address that may have a secret in it."""
        return {
            "status": self.status,
            "archived": self.archived,
            "owner_archived": self.owner_archived,
            "fee_fixed": self.fee_fixed,
            "fee_basis_points": self.fee_basis_points,
            "name": self.name[:1] + "…",
            "webhook": (self.webhook_url or "").split("/")[2:3],
        }

    def _must_not_be_archived(self) -> None:
        if self.archived:
            raise MerchantArchived
