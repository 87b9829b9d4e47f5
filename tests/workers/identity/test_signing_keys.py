"""Signing keys: rotated while everything runs, sealed where they are kept, believed for as long as their tokens."""

from datetime import timedelta
from typing import Any

import asyncpg
import jwt
import pytest

from contracts.identity import GetSigningKeys
from tests.servers import Database
from tests.workers.identity.conftest import Desk
from workers.identity import keyring
from workers.identity.keyring import KeyRow
from workers.runtime.settings import SealingKey, Settings

SETTINGS_KEY = "test"


@pytest.fixture
def ring(worker_settings: dict[str, Any]) -> list[SealingKey]:
    return Settings(**worker_settings).sealing_keys


async def published(desk: Desk) -> list[str]:
    reply = await desk.client.ask(GetSigningKeys())
    assert reply.result is not None
    assert all(key.keys() == {"kty", "crv", "x", "kid", "use", "alg"} for key in reply.result["keys"])
    return [key["kid"] for key in reply.result["keys"]]


async def signs(desk: Desk) -> str:
    """Who signs now, once its token has been verified with what is published."""
    token = await desk.token()
    keys = await desk.client.ask(GetSigningKeys())
    kid = str(jwt.get_unverified_header(token)["kid"])
    jwt.decode(token, jwt.PyJWKSet.from_dict(keys.result or {})[kid], algorithms=["EdDSA"], audience="saldo")
    return kid


async def rotated(database: Database, ring: list[SealingKey], *, at_once: bool = False) -> KeyRow:
    before, after = keyring.overlap(at_once=at_once)
    return await keyring.rotate(database.app_url, ring, before=before, after=after)


async def later(rows: asyncpg.Connection, by: timedelta) -> None:
    """Let time pass for the keys."""
    await rows.execute(
        "UPDATE identity.signing_keys SET signs_from = signs_from - $1::interval,"
        " alone_from = alone_from - $1::interval, retires_at = retires_at - $1::interval",
        by,
    )


async def test_a_rotation_overlaps(
    desk: Desk, rows: asyncpg.Connection, database: Database, ring: list[SealingKey]
) -> None:
    await desk.register()
    assert await published(desk) == [SETTINGS_KEY]
    first = await rotated(database, ring)
    assert await published(desk) == [first.id, SETTINGS_KEY]
    assert await signs(desk) == SETTINGS_KEY, "no gateway has to know it yet"
    await later(rows, keyring.PUBLISHED_BEFORE)
    assert await signs(desk) == first.id
    assert await published(desk) == [first.id, SETTINGS_KEY], "tokens of the old key are still good"
    await later(rows, keyring.PUBLISHED_AFTER)
    assert await published(desk) == [first.id]
    second = await rotated(database, ring)
    assert await published(desk) == [second.id, first.id]
    await later(rows, keyring.PUBLISHED_BEFORE)
    assert await signs(desk) == second.id
    await later(rows, keyring.PUBLISHED_AFTER)
    assert await published(desk) == [second.id]


async def test_a_key_that_leaked_is_gone_at_once(desk: Desk, database: Database, ring: list[SealingKey]) -> None:
    await desk.register()
    waiting = await rotated(database, ring)
    new = await rotated(database, ring, at_once=True)
    assert waiting.id not in await published(desk)
    assert await published(desk) == [new.id]
    assert await signs(desk) == new.id


async def test_private_halves_are_kept_sealed(
    rows: asyncpg.Connection, database: Database, ring: list[SealingKey]
) -> None:
    row = await rotated(database, ring)
    assert row.sealed not in repr(row)
    stored = await rows.fetchrow("SELECT * FROM identity.signing_keys")
    assert stored is not None
    assert stored["sealed"].startswith(f"{ring[0].id}.")


async def test_a_sealed_key_is_of_no_use_under_another_name(
    desk: Desk, rows: asyncpg.Connection, database: Database, ring: list[SealingKey]
) -> None:
    await desk.register()
    await rotated(database, ring, at_once=True)
    await rows.execute("UPDATE identity.signing_keys SET id = 'sig_other'")
    reply = await desk.log_in()
    assert reply.status == "failed"
    assert reply.problem is not None
    assert reply.problem.code == "busy"
