"""What a card is, who may change it, and when it can be used. Pure."""

from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from contracts.archive import NotArchived
from contracts.cards import (
    Brand,
    CardArchived,
    CardCanceled,
    CardExpired,
    CardFrozen,
    CardLimits,
    CardRef,
    CardStatus,
    CardType,
    CardView,
    EmbossCard,
    UpdateCard,
)
from contracts.envelope import Caller
from contracts.identity import PermissionDenied
from contracts.message import NotFound
from contracts.money import Currency

MONTHS = 12


class Number(NamedTuple):
    """A card's number as it is kept: recognised by a keyed hash, read only with a key."""

    bin: str
    last4: str
    hash: str
    sealed: str

    def __repr__(self) -> str:
        """Not even sealed."""
        return f"Number({self.last4})"


class Card(NamedTuple):
    """One row of `cards.cards`. Limits are in minor units of `currency`; `frozen_by` is a principal.

    `expires_at` is the first moment, UTC, after the last month in which it is good. A card whose holder is archived
    works no more than a frozen one, whatever its own status.
    """

    id: str
    owner: str
    wallet_id: str
    currency: Currency
    brand: Brand
    type: CardType
    bin: str
    last4: str
    pan_hash: str
    pan_sealed: str
    exp_month: int
    exp_year: int
    expires_at: datetime
    status: Literal["active", "frozen", "canceled"]
    frozen_by: str | None
    label: str | None
    per_payment: int | None
    daily: int | None
    monthly: int | None
    created_at: datetime
    archived: bool
    archived_at: datetime | None
    holder_archived: bool

    def __repr__(self) -> str:
        """Without the number's hash and seal: what is shown ends in a log some day."""
        return f"Card({self.id}, {self.status})"

    @classmethod
    def embossed(cls, command: EmbossCard, number: Number, *, years: int, at: datetime) -> "Card":
        """A new card, good to the end of this month in so many years."""
        limits = command.limits
        return cls(
            command.card_id,
            command.owner,
            command.wallet_id,
            command.currency,
            command.brand,
            command.type,
            number.bin,
            number.last4,
            number.hash,
            number.sealed,
            at.month,
            at.year + years,
            month_after(at.year + years, at.month),
            "active",
            None,
            command.label,
            limits.per_payment,
            limits.daily,
            limits.monthly,
            at,
            archived=False,
            archived_at=None,
            holder_archived=False,
        )

    @property
    def expiry(self) -> str:
        """The last month, e.g. `2030-11`."""
        return f"{self.exp_year:04}-{self.exp_month:02}"

    def must_be_usable(self, at: datetime) -> None:
        """Raises `NotFound` once it is archived, `CardCanceled`, `CardExpired`, `CardFrozen`."""
        if self.archived:
            raise NotFound
        if self.status == "canceled":
            raise CardCanceled
        if at >= self.expires_at:
            raise CardExpired
        if self.status == "frozen" or self.holder_archived:
            raise CardFrozen

    def updated(self, command: UpdateCard) -> "Card":
        """With what the command says; limits as a whole. Raises `CardArchived`."""
        self._must_not_be_archived()
        card = self
        if "label" in command.model_fields_set:
            card = card._replace(label=command.label)
        if "limits" in command.model_fields_set:
            limits = command.limits or CardLimits()
            card = card._replace(per_payment=limits.per_payment, daily=limits.daily, monthly=limits.monthly)
        return card

    def frozen(self, caller: Caller) -> "Card":
        """Frozen by `caller`; an operator's freeze outranks the owner's. Raises `CardCanceled`, `CardArchived`."""
        self._must_be_alive()
        if self.status == "frozen" and (self._frozen_by_operator or caller.principal == self.owner):
            return self
        return self._replace(status="frozen", frozen_by=caller.principal)

    def unfrozen(self, caller: Caller) -> "Card":
        """Active again. Raises `CardCanceled`, `CardArchived`; `PermissionDenied` when only an operator may."""
        self._must_be_alive()
        if self._frozen_by_operator and not caller.oversees:
            raise PermissionDenied("An operator froze this card; only an operator can unfreeze it.")
        return self._replace(status="active", frozen_by=None)

    def canceled(self, caller: Caller) -> "Card":
        """Ended for good. Raises `CardArchived`; `CardFrozen` when only an operator may."""
        self._must_not_be_archived()
        self._must_not_be_held_by_operator(caller)
        return self._replace(status="canceled", frozen_by=None)

    def put_away(self, at: datetime) -> "Card":
        """Archived; the rest stays as it is."""
        return self if self.archived else self._replace(archived=True, archived_at=at)

    def restored(self) -> "Card":
        """As before it was archived."""
        return self._replace(archived=False, archived_at=None)

    def held(self, *, by_archived: bool) -> "Card":
        """With what is known of its holder; the rest stays as it is."""
        return self._replace(holder_archived=by_archived)

    def must_be_purgeable(self, caller: Caller) -> None:
        """Raises `NotArchived`; `CardFrozen` when only an operator may."""
        if not self.archived:
            raise NotArchived
        self._must_not_be_held_by_operator(caller)

    def purgeable(self, caller: Caller) -> bool:
        """Whether it may be deleted with others."""
        return self.archived and (caller.oversees or not self._frozen_by_operator)

    def status_at(self, at: datetime) -> CardStatus:
        """What counts first: archived, canceled, expired, frozen, active."""
        if self.archived:
            return "archived"
        if self.status != "canceled" and at >= self.expires_at:
            return "expired"
        return self.status

    def ref(self) -> CardRef:
        """What a saga learns."""
        return CardRef(card_id=self.id, wallet_id=self.wallet_id, owner=self.owner, brand=self.brand, last4=self.last4)

    def view(self, at: datetime) -> CardView:
        """How its owner sees it."""
        return CardView(
            id=self.id,
            wallet_id=self.wallet_id,
            currency=self.currency,
            brand=self.brand,
            type=self.type,
            bin=self.bin,
            last4=self.last4,
            exp_month=self.exp_month,
            exp_year=self.exp_year,
            status=self.status_at(at),
            label=self.label,
            limits=CardLimits(per_payment=self.per_payment, daily=self.daily, monthly=self.monthly),
            created_at=self.created_at,
            archived_at=self.archived_at,
        )

    def audited(self) -> dict[str, Any]:
        """What an audit entry shows of it."""
        names = (
            "wallet_id",
            "brand",
            "type",
            "status",
            "per_payment",
            "daily",
            "monthly",
            "archived",
            "holder_archived",
        )
        return {name: getattr(self, name) for name in names}

    @property
    def _frozen_by_operator(self) -> bool:
        return self.status == "frozen" and self.frozen_by != self.owner

    def _must_not_be_held_by_operator(self, caller: Caller) -> None:
        if self._frozen_by_operator and not caller.oversees:
            raise CardFrozen

    def _must_not_be_archived(self) -> None:
        if self.archived:
            raise CardArchived

    def _must_be_alive(self) -> None:
        self._must_not_be_archived()
        if self.status == "canceled":
            raise CardCanceled


def month_after(year: int, month: int) -> datetime:
    """The first moment, UTC, of the month after this one."""
    return datetime(year + month // MONTHS, month % MONTHS + 1, 1, tzinfo=UTC)
