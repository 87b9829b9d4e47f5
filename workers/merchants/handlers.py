"""What can be done with merchants and their API keys."""

from collections.abc import Callable
from datetime import timedelta

from contracts.identity import PermissionDenied
from contracts.merchants import (
    AbandonMerchant,
    ApiKeyChanged,
    ApiKeyView,
    ApproveMerchant,
    ArchiveMerchant,
    CheckMerchant,
    CreateApiKey,
    CreateMerchant,
    KeyChange,
    MerchantChange,
    MerchantChanged,
    MerchantRequested,
    MerchantTerms,
    MerchantView,
    NewApiKeyView,
    NoteKeyUses,
    OpenMerchant,
    PurgeArchivedMerchants,
    PurgeMerchant,
    RestoreArchivedMerchants,
    RestoreMerchant,
    RevokeApiKey,
    RotateApiKey,
    SuspendMerchant,
    TooManyMerchants,
    UpdateMerchant,
)
from contracts.message import CountView, NotFound, Nothing
from workers.merchants import api_keys, minting, owners
from workers.merchants.api_keys import ApiKey, Minted
from workers.merchants.rules import MERCHANTS_MAX, Merchant
from workers.runtime.handlers import Handlers
from workers.runtime.needs import matching, rows
from workers.runtime.unit_of_work import UnitOfWork
from workers.sagas.take_on_merchant import TakeOnMerchant

handlers = Handlers("merchants")


@handlers.command(
    CreateMerchant,
    needs_more=lambda _, caller, __: [owners.of(caller.principal), matching(Merchant, owner=caller.principal)],
    prepare=minting.usual_terms,
    finished_by=TakeOnMerchant,
)
def create_merchant(command: CreateMerchant, uow: UnitOfWork) -> MerchantView:
    """Record it as pending; the saga has its settlement wallet opened.

    Raises `TooManyMerchants`; `PermissionDenied` to somebody who was archived meanwhile.
    """
    owner = uow.caller.principal
    if owners.archived(uow, owner):
        raise PermissionDenied
    if len(uow.matching(Merchant, owner=owner)) >= MERCHANTS_MAX:
        raise TooManyMerchants
    merchant = Merchant.create(command, uow.prepared, owner=owner, at=uow.now, key=uow.id("mer"))
    uow.add(merchant)
    uow.audit(merchant.id, after=merchant.trail())
    wanted = {"merchant_id": merchant.id, "owner": owner, "currency": merchant.currency, "name": merchant.name}
    uow.emit(MerchantRequested.model_validate(wanted))
    return merchant.view()


@handlers.command(OpenMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def open_merchant(command: OpenMerchant, uow: UnitOfWork) -> MerchantView:
    """Its money has a place to go. Raises `NotFound` where it was purged meanwhile."""
    merchant = uow.get(Merchant, command.merchant_id)
    return save(uow, merchant, merchant.settling(command.currency, command.wallet_id), "opened")


@handlers.command(AbandonMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def abandon_merchant(command: AbandonMerchant, uow: UnitOfWork) -> MerchantView | None:
    """It stays, archived, for its owner to see and purge, unless they have done that already."""
    merchant = uow.find(Merchant, command.merchant_id)
    if merchant is None:
        return None
    return save(uow, merchant, merchant.put_away(uow.now), "abandoned")


@handlers.command(UpdateMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def update_merchant(command: UpdateMerchant, uow: UnitOfWork) -> MerchantView:
    """Raises `NotFound`, `MerchantArchived`, `PermissionDenied`."""
    return _change(uow, command.merchant_id, "updated", lambda merchant: merchant.updated(command, uow.caller))


@handlers.command(ApproveMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def approve_merchant(command: ApproveMerchant, uow: UnitOfWork) -> MerchantView:
    """The edge lets operators only. Raises `NotFound`, `MerchantArchived`, `MerchantPending`."""
    merchant = uow.get(Merchant, command.merchant_id)
    return save(uow, merchant, merchant.approved(), "approved", command.reason)


@handlers.command(SuspendMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def suspend_merchant(command: SuspendMerchant, uow: UnitOfWork) -> MerchantView:
    """Likewise. Raises `NotFound`, `MerchantArchived`, `MerchantPending`."""
    merchant = uow.get(Merchant, command.merchant_id)
    return save(uow, merchant, merchant.suspended(), "suspended", command.reason)


@handlers.command(ArchiveMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def archive_merchant(command: ArchiveMerchant, uow: UnitOfWork) -> MerchantView:
    """No change if it is archived already. Raises `NotFound`."""
    return _change(uow, command.merchant_id, "archived", lambda merchant: merchant.put_away(uow.now), command.reason)


@handlers.command(RestoreMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def restore_merchant(command: RestoreMerchant, uow: UnitOfWork) -> MerchantView:
    """No change if it is not archived. Raises `NotFound`."""
    return _change(uow, command.merchant_id, "restored", lambda merchant: merchant.restored(), command.reason)


@handlers.command(PurgeMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def purge_merchant(command: PurgeMerchant, uow: UnitOfWork) -> Nothing:
    """Delete it; its keys go with it. Raises `NotFound`, `NotArchived`."""
    merchant = _own(uow, command.merchant_id)
    merchant.must_be_purgeable()
    purge(uow, merchant)
    return Nothing()


@handlers.command(
    RestoreArchivedMerchants,
    needs_more=lambda _, caller, __: [matching(Merchant, owner=caller.principal, archived=True)],
)
def restore_archived_merchants(_: RestoreArchivedMerchants, uow: UnitOfWork) -> CountView:
    """All that the caller has put away."""
    found = uow.matching(Merchant, owner=uow.caller.principal, archived=True)
    for merchant in found:
        save(uow, merchant, merchant.restored(), "restored")
    return CountView(count=len(found))


@handlers.command(
    PurgeArchivedMerchants,
    needs_more=lambda _, caller, __: [matching(Merchant, owner=caller.principal, archived=True)],
)
def purge_archived_merchants(_: PurgeArchivedMerchants, uow: UnitOfWork) -> CountView:
    """All that the caller has put away."""
    found = uow.matching(Merchant, owner=uow.caller.principal, archived=True)
    for merchant in found:
        purge(uow, merchant)
    return CountView(count=len(found))


@handlers.command(CheckMerchant, needs=lambda c: [rows(Merchant, c.merchant_id)])
def check_merchant(command: CheckMerchant, uow: UnitOfWork) -> MerchantTerms:
    """Raises `NotFound`, `MerchantNotActive`, `CurrencyMismatch`."""
    return uow.get(Merchant, command.merchant_id).terms(command.currency)


@handlers.command(
    CreateApiKey,
    needs=lambda c: [rows(Merchant, c.merchant_id), matching(ApiKey, merchant_id=c.merchant_id)],
    prepare=minting.minted,
)
def create_api_key(command: CreateApiKey, uow: UnitOfWork) -> NewApiKeyView:
    """Show the key, and keep its hash. Raises `NotFound`, `MerchantArchived`, `ExpiryInvalid`, `TooManyApiKeys`."""
    _own(uow, command.merchant_id).must_take_keys()
    api_keys.must_have_room(uow.matching(ApiKey, merchant_id=command.merchant_id), uow.now)
    key = ApiKey.create(command, uow.prepared, by=uow.caller.principal, at=uow.now, key=uow.id("key"))
    return _new(uow, key, uow.prepared)


@handlers.command(
    RotateApiKey,
    needs=lambda c: [
        rows(Merchant, c.merchant_id),
        rows(ApiKey, c.key_id),
        matching(ApiKey, merchant_id=c.merchant_id),
    ],
    prepare=minting.minted,
)
def rotate_api_key(command: RotateApiKey, uow: UnitOfWork) -> NewApiKeyView:
    """Show a new key; the old one ends after the overlap. Raises `NotFound`, `MerchantArchived`, `ApiKeyEnded`."""
    _own(uow, command.merchant_id).must_take_keys()
    old = _key(uow, command.merchant_id, command.key_id)
    new = old.successor(uow.prepared, by=uow.caller.principal, at=uow.now, key=uow.id("key"))
    if command.overlap_seconds:
        api_keys.must_have_room(uow.matching(ApiKey, merchant_id=command.merchant_id), uow.now)
    overlap = timedelta(seconds=command.overlap_seconds)
    _save_key(uow, old, old.replaced(new, overlap, uow.now), "replaced")
    return _new(uow, new, uow.prepared)


@handlers.command(RevokeApiKey, needs=lambda c: [rows(Merchant, c.merchant_id), rows(ApiKey, c.key_id)])
def revoke_api_key(command: RevokeApiKey, uow: UnitOfWork) -> ApiKeyView:
    """No change if it was revoked before. Raises `NotFound`."""
    _own(uow, command.merchant_id)
    old = _key(uow, command.merchant_id, command.key_id)
    return _save_key(uow, old, old.revoked(uow.now), "revoked")


@handlers.command(NoteKeyUses, needs=lambda c: [rows(ApiKey, *(use.key_id for use in c.uses))])
def note_key_uses(command: NoteKeyUses, uow: UnitOfWork) -> Nothing:
    """Gateways' clocks may be ahead of ours; nothing is used in the future."""
    for use in command.uses:
        known = uow.find(ApiKey, use.key_id)
        if known is not None:
            uow.save(known.used(min(use.at, uow.now)))
    return Nothing()


def _own(uow: UnitOfWork, key: str) -> Merchant:
    merchant = uow.get(Merchant, key)
    if not uow.caller.owns(merchant.owner):
        raise NotFound
    return merchant


def _key(uow: UnitOfWork, merchant_id: str, key_id: str) -> ApiKey:
    found = uow.get(ApiKey, key_id)
    if found.merchant_id != merchant_id:
        raise NotFound
    return found


def _change(
    uow: UnitOfWork,
    key: str,
    change: MerchantChange,
    changed: Callable[[Merchant], Merchant],
    reason: str | None = None,
) -> MerchantView:
    merchant = _own(uow, key)
    return save(uow, merchant, changed(merchant), change, reason)


def save(
    uow: UnitOfWork, old: Merchant, new: Merchant, change: MerchantChange, reason: str | None = None
) -> MerchantView:
    """Keep what it has become, and tell every gateway if that is something else."""
    view = new.view()
    if new != old:
        uow.save(new)
        uow.audit(new.id, before=old.trail(), after=new.trail(), reason=reason)
        uow.emit(MerchantChanged(merchant=view, change=change))
    return view


def purge(uow: UnitOfWork, merchant: Merchant) -> None:
    """Delete it with its keys, whoever it is that may."""
    uow.remove(Merchant, merchant.id)
    uow.audit(merchant.id, before=merchant.trail())
    uow.emit(MerchantChanged(merchant=merchant.view(), change="purged"))


def _new(uow: UnitOfWork, key: ApiKey, minted: Minted) -> NewApiKeyView:
    uow.add(key)
    uow.reveal(key=minted.key)
    uow.audit(key.id, after=key.trail(uow.now))
    uow.emit(ApiKeyChanged(key=key.view(uow.now), change="created"))
    return key.new_view(uow.now)


def _save_key(uow: UnitOfWork, old: ApiKey, new: ApiKey, change: KeyChange) -> ApiKeyView:
    view = new.view(uow.now)
    if new != old:
        uow.save(new)
        uow.audit(new.id, before=old.trail(uow.now), after=new.trail(uow.now))
        uow.emit(ApiKeyChanged(key=view, change=change))
    return view
