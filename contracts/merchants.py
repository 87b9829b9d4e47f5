"""Merchants: who takes payments, on which terms, and the keys that their machines call with."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from contracts.cards import Search
from contracts.identity import Name
from contracts.ids import KeyId, MerchantId, UserId, WalletId
from contracts.message import (
    Call,
    Change,
    Command,
    CountView,
    Event,
    Kind,
    Nothing,
    Query,
    Reason,
    Refusal,
    Revealed,
    View,
)
from contracts.money import MAX_AMOUNT, Currency
from contracts.pages import Moment, PageOf

MerchantStatus = Literal["pending", "active", "suspended"]
MerchantChange = Literal[
    "opened",
    "updated",
    "approved",
    "suspended",
    "archived",
    "restored",
    "purged",
    "abandoned",
    "owner_archived",
    "owner_restored",
]
KeyStatus = Literal["active", "expired", "revoked"]
KeyChange = Literal["created", "replaced", "revoked"]
KeyScope = Literal[
    "merchants:read",
    "operations:read",
    "payments:capture",
    "payments:create",
    "payments:read",
    "payments:refund",
    "payments:void",
]
"""What an API key can be allowed. Everything else takes a person."""

WebhookUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/@\x00-\x1f\x7f]+(/\S*)?$")]
OVERLAP_SECONDS_MAX = 7 * 86_400
USES_MAX = 1000


def _distinct(values: list[Any]) -> list[Any]:
    return sorted(set(values))


Scopes = Annotated[list[KeyScope], Field(min_length=1, max_length=32), AfterValidator(_distinct)]


class FeeTerms(View):
    """What a merchant pays per payment: `fixed` minor units of its currency, and `basis_points` of the amount."""

    fixed: Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]
    basis_points: Annotated[int, Field(strict=True, ge=0, le=10_000)]

    def on(self, captured: int) -> int:
        """The fee on a payment of which so much is captured. Half a unit is rounded up; never more than there is."""
        share = (captured * self.basis_points + 5_000) // 10_000
        return min(captured, self.fixed + share)


class MerchantView(View):
    """A merchant. Its money lands in `settlement_wallet_id`, a wallet of its owner's; null while that is being opened.

    `settlement_wallets` has one for each currency that the merchant takes.
    """

    id: MerchantId
    name: str
    owner: UserId
    status: MerchantStatus
    currency: Currency
    settlement_wallet_id: WalletId | None = None
    settlement_wallets: dict[str, WalletId]
    fee: FeeTerms
    webhook_url: str | None = None
    created_at: datetime
    archived_at: datetime | None = None


class ApiKeyView(View):
    """An API key, without the key: `prefix` is how it begins. It ends at `expires_at`, if ever."""

    id: KeyId
    merchant_id: MerchantId
    name: str
    prefix: str
    scopes: list[KeyScope]
    status: KeyStatus
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    replaced_by: KeyId | None = None
    created_at: datetime
    revoked_at: datetime | None = None


class NewApiKeyView(ApiKeyView):
    """A new key. `key` is shown here, once."""

    key: Revealed = None


class KeyHolderView(View):
    """Who calls with a key, and what it allows. `active` says whether the merchant is."""

    key_id: KeyId
    merchant_id: MerchantId
    scopes: list[KeyScope]
    expires_at: datetime | None = None
    active: bool


class MerchantTerms(View):
    """An active merchant, for sagas: where its money of `currency` goes, and what it pays."""

    merchant_id: MerchantId
    name: str
    owner: UserId
    currency: Currency
    settlement_wallet_id: WalletId
    fee_fixed: int
    fee_basis_points: int

    @property
    def fee(self) -> FeeTerms:
        """What it pays."""
        return FeeTerms(fixed=self.fee_fixed, basis_points=self.fee_basis_points)


class CreateMerchant(Command[MerchantView]):
    """Become a merchant: pending until an operator approves. The saga opens the settlement wallet.

    Raises `TooManyMerchants`, and `PermissionDenied` to somebody who was archived meanwhile.
    """

    slow = True

    name: Name
    currency: Currency
    webhook_url: WebhookUrl | None = None


class UpdateMerchant(Change[MerchantView]):
    """Change what is said; what is not stays, and so does a null name or fee.

    Raises `PermissionDenied` to an owner who says `fee`, and `MerchantArchived`.
    """

    merchant_id: MerchantId
    name: Name | None = None
    webhook_url: WebhookUrl | None = None
    fee: FeeTerms | None = None


class ApproveMerchant(Command[MerchantView]):
    """Let a pending or suspended merchant take payments. Again is harmless. Raises `MerchantArchived`."""

    merchant_id: MerchantId
    reason: Reason | None = None


class SuspendMerchant(Command[MerchantView]):
    """Stop an active merchant and its keys. Again is harmless. Raises `MerchantPending`, `MerchantArchived`."""

    merchant_id: MerchantId
    reason: Reason | None = None


class ArchiveMerchant(Command[MerchantView]):
    """Put a merchant away: it takes no payments and is listed only when asked for. Again is harmless."""

    merchant_id: MerchantId
    reason: Reason | None = None


class RestoreMerchant(Command[MerchantView]):
    """The opposite of `ArchiveMerchant`: the merchant and its keys are what they were."""

    merchant_id: MerchantId
    reason: Reason | None = None


class PurgeMerchant(Command[Nothing]):
    """Delete an archived merchant and its keys. Raises `NotArchived`. Its wallet and its payments stay."""

    merchant_id: MerchantId


class RestoreArchivedMerchants(Command[CountView]):
    """Restore the caller's own archived merchants."""


class PurgeArchivedMerchants(Command[CountView]):
    """Delete the caller's own archived merchants and their keys."""


class GetMerchant(Query[MerchantView]):
    """One merchant, for its owner and for its own keys."""

    merchant_id: MerchantId


class ListMerchants(PageOf[MerchantView]):
    """The caller's merchants (everybody's for those who oversee), newest first. `created_to` is exclusive.

    `search` looks for a part of the name. Archived ones come only with `include=archived`.
    """

    status: MerchantStatus | None = None
    search: Search | None = None
    include: Literal["archived"] | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class CreateApiKey(Command[NewApiKeyView]):
    """Make a key. Raises `MerchantArchived`, `ExpiryInvalid`, `TooManyApiKeys`. The edge checks the scopes."""

    slow = True

    merchant_id: MerchantId
    name: Name
    scopes: Scopes
    expires_at: Moment | None = None


class RotateApiKey(Command[NewApiKeyView]):
    """Make a key like this one, which ends after the overlap. Raises `ApiKeyEnded`, `MerchantArchived`.

    The new key lives as long as the old one was to live.
    """

    slow = True

    merchant_id: MerchantId
    key_id: KeyId
    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=OVERLAP_SECONDS_MAX)] = 0


class RevokeApiKey(Command[ApiKeyView]):
    """End a key at once. Again is harmless."""

    merchant_id: MerchantId
    key_id: KeyId


class ListApiKeys(PageOf[ApiKeyView]):
    """A merchant's keys, newest first, also those that have ended."""

    merchant_id: MerchantId
    status: KeyStatus | None = None


class GetApiKey(Query[ApiKeyView]):
    """One key."""

    merchant_id: MerchantId
    key_id: KeyId


class FindApiKey(Query[KeyHolderView]):
    """Whose key has this digest (`contracts.api_key.digest`). Raises `NotFound` for one that ended."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class KeyUse(View):
    """When a key was last used."""

    key_id: KeyId
    at: datetime


class NoteKeyUses(Call[Nothing]):
    """When gateways last saw these keys: said from time to time, and it does no harm if it gets lost."""

    uses: Annotated[list[KeyUse], Field(max_length=USES_MAX)]


class MerchantRequested(Event):
    """Somebody becomes a merchant."""

    merchant_id: MerchantId
    owner: UserId
    currency: Currency
    name: str


class MerchantChanged(Event):
    """A merchant is not what it was."""

    merchant: MerchantView
    change: MerchantChange


class ApiKeyChanged(Event):
    """A key was made, will end or has ended."""

    key: ApiKeyView
    change: KeyChange


class OpenMerchant(Command[MerchantView]):
    """The settlement wallet is there. Raises `NotFound` where the merchant was purged meanwhile."""

    internal = True

    merchant_id: MerchantId
    currency: Currency
    wallet_id: WalletId


class AbandonMerchant(Command[MerchantView]):
    """There will be no settlement wallet: the merchant is archived, if it is still there."""

    internal = True

    merchant_id: MerchantId
    code: str
    detail: str


class CheckMerchant(Command[MerchantTerms]):
    """Whether a merchant takes payments, in this currency or (None) in its own.

    Raises `NotFound`, `MerchantNotActive`, `CurrencyMismatch`.
    """

    internal = True

    merchant_id: MerchantId
    currency: Currency | None = None


class MerchantNotActive(Refusal):
    """Only an active merchant of an active owner takes payments and calls with its keys."""

    kind = Kind.FORBIDDEN
    detail = "The merchant is not active."


class MerchantPending(Refusal):
    """The merchant is not open yet."""

    kind = Kind.CONFLICT
    detail = "The merchant is pending."


class MerchantArchived(Refusal):
    """An archived merchant only changes by being restored."""

    kind = Kind.CONFLICT
    detail = "The merchant is archived; restore it first."


class TooManyMerchants(Refusal):
    """A person has so many merchants and no more."""

    kind = Kind.CONFLICT
    detail = "You have as many merchants as you can; purge one first."


class ApiKeyEnded(Refusal):
    """A key that was revoked, replaced or has expired can't be rotated."""

    kind = Kind.CONFLICT
    detail = "The API key has ended or was replaced already."


class ExpiryInvalid(Refusal):
    """A key can't end before it begins."""

    kind = Kind.INVALID
    detail = "expires_at must be in the future."


class TooManyApiKeys(Refusal):
    """A merchant has so many usable keys and no more."""

    kind = Kind.CONFLICT
    detail = "The merchant has as many API keys as it can; revoke one first."
