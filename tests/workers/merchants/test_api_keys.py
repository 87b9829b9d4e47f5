"""API keys from making to ending, on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg

from contracts import api_key
from contracts.merchants import (
    ArchiveMerchant,
    CreateApiKey,
    GetApiKey,
    KeyUse,
    ListApiKeys,
    NoteKeyUses,
    RestoreMerchant,
    RevokeApiKey,
    RotateApiKey,
    SuspendMerchant,
)
from contracts.message import Message
from tests.servers import Database
from tests.workers.merchants.conftest import OPERATOR, OWNER, STRANGER, Desk
from workers.merchants.api_keys import USABLE_MAX


async def test_a_key_is_shown_once_and_found_by_its_digest(desk: Desk) -> None:
    merchant = await desk.merchant()
    key_id, key = await desk.key(merchant, scopes=["payments:read", "payments:create"])
    assert api_key.well_formed(key)
    found = await desk.found(key)
    assert found is not None
    assert (found["key_id"], found["merchant_id"], found["active"]) == (key_id, merchant, True)
    assert found["scopes"] == ["payments:create", "payments:read"]
    [listed] = await desk.keys(merchant)
    assert (listed["prefix"], listed["status"]) == (key[:9], "active")
    assert "key" not in listed
    assert await desk.found(api_key.written("0" * api_key.BODY_LENGTH)) is None


async def test_the_database_holds_neither_the_key_nor_its_digest(desk: Desk, database: Database) -> None:
    _, key = await desk.key(await desk.merchant())
    connection = await asyncpg.connect(database.owner_url)
    try:
        tables = ("merchants.api_keys", "runtime.operations", "runtime.reveals", "operations.audit", "runtime.untold")
        rows = [row[0] for name in tables for row in await connection.fetch(f"SELECT t::text FROM {name} AS t")]
    finally:
        await connection.close()
    assert any(key[:9] in row for row in rows)
    assert not [row for row in rows if key in row or key[9:] in row or api_key.digest(key) in row]


async def test_a_repeat_makes_no_second_key(desk: Desk) -> None:
    command = CreateApiKey(merchant_id=await desk.merchant(), name="Till", scopes=["payments:create"])
    first = desk.client.envelope(command, OWNER)
    again = desk.client.envelope(command, OWNER, id=first.id)
    await desk.client.send(first, again)
    one, two = await desk.client.final(first), await desk.client.final(again)
    assert one.result == two.result
    assert len(await desk.keys(command.merchant_id)) == 1


async def test_only_its_owner_makes_and_sees_keys(desk: Desk) -> None:
    merchant, other = await desk.merchant(), await desk.merchant(STRANGER)
    key_id, _ = await desk.key(merchant)
    strange: list[Message] = [
        CreateApiKey(merchant_id=merchant, name="Mine", scopes=["payments:create"]),
        RotateApiKey(merchant_id=merchant, key_id=key_id),
        RevokeApiKey(merchant_id=merchant, key_id=key_id),
        ListApiKeys(merchant_id=merchant),
        GetApiKey(merchant_id=merchant, key_id=key_id),
        # Under a merchant of one's own it is not there either.
        RotateApiKey(merchant_id=other, key_id=key_id),
        RevokeApiKey(merchant_id=other, key_id=key_id),
        GetApiKey(merchant_id=other, key_id=key_id),
    ]
    for message in strange:
        assert await desk.refused(message, STRANGER) == "not_found"
        assert await desk.refused(message, merchant) == "not_found"
    assert [one["status"] for one in await desk.keys(merchant)] == ["active"]


async def test_rotation_overlaps(desk: Desk) -> None:
    merchant = await desk.merchant()
    old_id, old = await desk.key(merchant)
    new_id, new = await desk.rotated(merchant, old_id, 5)
    assert old != new
    assert await desk.found(old) is not None
    assert await desk.found(new) is not None
    assert await desk.refused(RotateApiKey(merchant_id=merchant, key_id=old_id)) == "api_key_ended"
    ended = await desk.done(GetApiKey(merchant_id=merchant, key_id=old_id))
    assert ended["replaced_by"] == new_id
    ends = datetime.fromisoformat(ended["expires_at"])
    await asyncio.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()) + 0.05)
    assert await desk.found(old) is None
    assert await desk.found(new) is not None
    assert [one["id"] for one in await desk.keys(merchant, status="expired")] == [old_id]


async def test_rotation_without_overlap_ends_the_old_key_at_once(desk: Desk) -> None:
    merchant = await desk.merchant()
    old_id, old = await desk.key(merchant)
    _, new = await desk.rotated(merchant, old_id)
    assert await desk.found(old) is None
    assert await desk.found(new) is not None


async def test_of_two_rotations_at_once_one_is_refused(desk: Desk) -> None:
    merchant = await desk.merchant()
    old_id, _ = await desk.key(merchant)
    envelopes = [
        desk.client.envelope(RotateApiKey(merchant_id=merchant, key_id=old_id, overlap_seconds=60), OWNER)
        for _ in range(2)
    ]
    await desk.client.send(*envelopes)
    replies = [await desk.client.final(envelope) for envelope in envelopes]
    assert sorted(reply.status for reply in replies) == ["failed", "succeeded"]
    assert len(await desk.keys(merchant)) == 2


async def test_a_revoked_key_is_gone(desk: Desk) -> None:
    merchant = await desk.merchant()
    (key_id, key), (_, other) = await desk.key(merchant), await desk.key(merchant)
    revoked = await desk.revoke(merchant, key_id)
    assert revoked["status"] == "revoked"
    assert await desk.revoke(merchant, key_id) == revoked
    assert await desk.found(key) is None
    assert await desk.found(other) is not None
    assert [one["id"] for one in await desk.keys(merchant, status="revoked")] == [key_id]


async def test_keys_are_as_active_as_their_merchant(desk: Desk) -> None:
    merchant = await desk.merchant(approved=False)
    _, key = await desk.key(merchant)

    async def active() -> bool:
        found = await desk.found(key)
        assert found is not None
        return bool(found["active"])

    assert not await active()
    approved = await desk.merchant()
    _, key = await desk.key(approved)
    assert await active()
    await desk.done(SuspendMerchant(merchant_id=approved, reason="Complaints"), OPERATOR, oversees=True)
    assert not await active()
    await desk.done(ArchiveMerchant(merchant_id=approved))
    assert not await active()
    assert (
        await desk.refused(CreateApiKey(merchant_id=approved, name="Till", scopes=["payments:read"]))
        == "merchant_archived"
    )
    await desk.done(RestoreMerchant(merchant_id=approved))
    assert not await active()


async def test_expiry_and_number_are_bounded(desk: Desk) -> None:
    merchant = await desk.merchant()
    past = CreateApiKey(
        merchant_id=merchant,
        name="Till",
        scopes=["payments:create"],
        expires_at=datetime.now(UTC) - timedelta(seconds=1),
    )
    assert await desk.refused(past) == "expiry_invalid"
    for _ in range(USABLE_MAX):
        key_id, _ = await desk.key(merchant)
    more = CreateApiKey(merchant_id=merchant, name="Till", scopes=["payments:create"])
    assert await desk.refused(more) == "too_many_api_keys"
    # A full house can still be rotated, one for one.
    await desk.rotated(merchant, key_id)


async def test_last_use_is_noted_lazily_and_harmlessly(desk: Desk) -> None:
    merchant = await desk.merchant()
    key_id, _ = await desk.key(merchant)
    used = datetime.now(UTC) - timedelta(minutes=1)
    uses = [KeyUse(key_id=key_id, at=used), KeyUse(key_id="key_gone", at=used)]
    await desk.done(NoteKeyUses(uses=uses))
    assert (await desk.keys(merchant))[0]["last_used_at"] == used.isoformat().replace("+00:00", "Z")
    await desk.done(NoteKeyUses(uses=[KeyUse(key_id=key_id, at=used - timedelta(hours=1))]))
    await desk.done(NoteKeyUses(uses=[KeyUse(key_id=key_id, at=used + timedelta(days=1))]))
    last = datetime.fromisoformat((await desk.keys(merchant))[0]["last_used_at"])
    assert used < last <= datetime.now(UTC)
