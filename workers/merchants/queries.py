"""What can be asked about merchants and their API keys."""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select

from contracts.merchants import (
    ApiKeyView,
    FindApiKey,
    GetApiKey,
    GetMerchant,
    KeyHolderView,
    KeyStatus,
    ListApiKeys,
    ListMerchants,
    MerchantView,
)
from contracts.message import NotFound
from contracts.pages import Page
from workers.merchants import minting
from workers.merchants.tables import api_keys, merchants, read, read_key
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading

queries = Queries("merchants")


@queries.query(GetMerchant)
async def get_merchant(query: GetMerchant, reading: Reading) -> MerchantView:
    """Raises `NotFound`, also for somebody else's."""
    row = await reading.row(select(merchants).where(merchants.c.id == query.merchant_id))
    if row is None or not (reading.caller.owns(row.owner) or reading.caller.principal == row.id):
        raise NotFound
    return read(row).view()


@queries.query(ListMerchants)
async def list_merchants(query: ListMerchants, reading: Reading) -> Page[MerchantView]:
    """The caller's merchants, or everybody's for those who oversee; a key's is its own."""
    wanted = select(merchants).where(*_filters(query))
    caller = reading.caller
    if not caller.oversees:
        wanted = wanted.where(or_(merchants.c.owner == caller.principal, merchants.c.id == caller.principal))
    return await reading.page(query, wanted, (merchants.c.created_at, merchants.c.id), lambda row: read(row).view())


@queries.query(GetApiKey)
async def get_api_key(query: GetApiKey, reading: Reading) -> ApiKeyView:
    """Raises `NotFound`."""
    await _must_own(query.merchant_id, reading)
    wanted = select(api_keys).where(api_keys.c.id == query.key_id, api_keys.c.merchant_id == query.merchant_id)
    row = await reading.row(wanted)
    if row is None:
        raise NotFound
    return read_key(row).view(reading.now)


@queries.query(ListApiKeys)
async def list_api_keys(query: ListApiKeys, reading: Reading) -> Page[ApiKeyView]:
    """Raises `NotFound`."""
    await _must_own(query.merchant_id, reading)
    wanted = select(api_keys).where(api_keys.c.merchant_id == query.merchant_id)
    if query.status is not None:
        wanted = wanted.where(_has(query.status, reading))

    def view(row: Row[Any]) -> ApiKeyView:
        return read_key(row).view(reading.now)

    return await reading.page(query, wanted, (api_keys.c.created_at, api_keys.c.id), view)


@queries.query(FindApiKey)
async def find_api_key(query: FindApiKey, reading: Reading) -> KeyHolderView:
    """Whose key it is. Raises `NotFound`."""
    assert reading.resources is not None, "keys are found with the settings' pepper"
    hashed = minting.kept(query.digest, reading.resources.settings)
    row = await reading.row(select(api_keys).where(api_keys.c.hash == hashed))
    key = None if row is None else read_key(row)
    if key is None or key.status_at(reading.now) != "active":
        raise NotFound
    merchant = await reading.row(select(merchants).where(merchants.c.id == key.merchant_id))
    return KeyHolderView(
        key_id=key.id,
        merchant_id=key.merchant_id,
        scopes=key.scopes,
        expires_at=key.expires_at,
        active=merchant is not None and read(merchant).active,
    )


async def _must_own(merchant_id: str, reading: Reading) -> None:
    row = await reading.row(select(merchants.c.owner).where(merchants.c.id == merchant_id))
    if row is None or not reading.caller.owns(row.owner):
        raise NotFound


def _filters(query: ListMerchants) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.status is not None:
        conditions.append(merchants.c.status == query.status)
    if query.include is None:
        conditions.append(merchants.c.archived.is_(False))
    if query.search is not None:
        conditions.append(merchants.c.name.icontains(query.search, autoescape=True))
    if query.created_from is not None:
        conditions.append(merchants.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(merchants.c.created_at < query.created_to)
    return conditions


def _has(status: KeyStatus, reading: Reading) -> ColumnElement[bool]:
    """The rule of `ApiKey.status_at`, for PostgreSQL."""
    if status == "revoked":
        return api_keys.c.revoked_at.is_not(None)
    over = api_keys.c.expires_at <= reading.now
    if status == "expired":
        return and_(api_keys.c.revoked_at.is_(None), over)
    return and_(api_keys.c.revoked_at.is_(None), or_(api_keys.c.expires_at.is_(None), ~over))
