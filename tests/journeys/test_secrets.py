"""No log, stored row, queue or Redis value holds a password or a token."""

import asyncio

import asyncpg
import pytest
from redis import asyncio as redis

from tests.journeys.conftest import Meet
from tests.people import Person
from tests.system import System

PLACES = """
SELECT format('SELECT %L AS place, t::text AS value FROM %I.%I AS t',
              schemaname || '.' || tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


@pytest.fixture
async def secrets(meet: Meet, nobody: Person) -> list[str]:
    """What nobody but the two people may ever hold, after all that they do with it."""
    ani, budi = await meet(), await meet()
    mine, theirs = await ani.open(funds=100), await budi.open()
    assert (await ani.transfer(mine, budi.email, 50)).status == 201
    assert (await ani.transfer(mine, theirs, 500)).status == 402
    wrong = "a wrong password, but whose?"
    assert (await nobody.post("/v1/auth/login", {"email": ani.email, "password": wrong})).status == 401
    twice = {"email": ani.email, "password": f"{ani.password}-2", "first_name": "A", "last_name": "B"}
    assert (await nobody.post("/v1/auth/register", twice)).status == 409
    assert (await nobody.post("/v1/auth/register", twice | {"email": 1})).status == 422
    assert (await nobody.post("/v1/auth/login", {**twice, "email": f"{ani.password}@"})).status == 422
    assert (await ani.get(f"/v1/wallets?search={ani.token}")).status == 422
    assert (await ani.get(f"/v1/auth/{ani.password}")).status == 404
    # Buffered lines are written within this time.
    await asyncio.sleep(0.5)
    tokens = [part for one in (ani, budi) for part in (one.token or "").split(".")[1:]]
    return [ani.password, budi.password, wrong, *tokens]


async def test_nothing_that_is_kept_holds_a_secret(system: System, secrets: list[str]) -> None:
    kept = {**system.logs(), **await _rows(system.servers.migrations), **await _values(system.servers.redis)}
    assert {"identity.users", "runtime.operations", "gateway", "sandbox"} <= kept.keys()
    assert "usr_" in kept["identity.users"]
    found = [place for place, text in kept.items() for secret in secrets if secret in text]
    assert not found


async def _rows(url: str) -> dict[str, str]:
    """All rows of all tables as text."""
    connection = await asyncpg.connect(url)
    try:
        statements = [row[0] for row in await connection.fetch(PLACES)]
        rows = [row for statement in statements for row in await connection.fetch(statement)]
    finally:
        await connection.close()
    found: dict[str, str] = {}
    for row in rows:
        found[row["place"]] = found.get(row["place"], "") + row["value"] + "\n"
    return found


async def _values(url: str) -> dict[str, str]:
    """All keys of this Redis database with their values."""
    async with redis.from_url(url) as client:
        return {f"redis {key!r}": repr(key) + repr(await client.dump(key)) async for key in client.scan_iter()}
