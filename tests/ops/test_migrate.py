"""`saldo migrate` beside a system that works, and beside another one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from ops import migrate as migrating
from ops.local.home import Home
from ops.local.postgres import ADMIN, APP, OWNER, Postgres
from ops.trouble import Trouble
from tests.servers import Database, Databases, migrate

BEFORE, BLOCKED = "0017", "0019"
"""From here on, the first that needs `identity.users` for itself."""


@pytest.fixture
async def behind(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database of some releases ago, which is the one to migrate."""
    database = await databases.empty()
    await migrate(database.owner_url, BEFORE)
    monkeypatch.setenv("MIGRATIONS_DATABASE_URL", database.owner_url)
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0.5)
    yield database
    await databases.drop(database)


@asynccontextmanager
async def long_reading(database: Database) -> AsyncIterator[None]:
    """A report, say, whose transaction stays open."""
    reader = await asyncpg.connect(database.app_url)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM identity.users")
        yield
    await reader.close()


async def revision(database: Database) -> str:
    connection = await asyncpg.connect(database.owner_url)
    found = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.close()
    return str(found)


async def test_a_long_reader_holds_up_one_migration_and_nobody_else(
    behind: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(migrating, "ATTEMPTS", 2)
    async with long_reading(behind):
        running = asyncio.create_task(asyncio.to_thread(migrating.migrate))
        worker = await asyncpg.connect(behind.app_url)
        while not running.done():
            await worker.fetch("SELECT * FROM identity.users", timeout=10)
            await asyncio.sleep(0.05)
        await worker.close()
        with pytest.raises(Trouble, match="got no lock in 2 tries"):
            await running
    told = capsys.readouterr().out
    assert told.count("again in") == 1, told
    assert await revision(behind) == "0018", "what came before it is done"
    await asyncio.to_thread(migrating.migrate)
    again = capsys.readouterr().out
    assert "migration 0018" not in again
    assert f"migration {BLOCKED}: " in again


async def test_a_reader_that_ends_in_time_is_waited_for(behind: Database, capsys: pytest.CaptureFixture[str]) -> None:
    async with long_reading(behind):
        running = asyncio.create_task(asyncio.to_thread(migrating.migrate))
        told = ""
        async with asyncio.timeout(60):
            while "again in" not in told:
                await asyncio.sleep(0.1)
                told += capsys.readouterr().out
    await running
    assert await revision(behind) > BLOCKED


async def test_two_at_once_take_turns(databases: Databases) -> None:
    database = await databases.empty()
    await asyncio.gather(migrate(database.owner_url), migrate(database.owner_url))
    assert await revision(database) > BLOCKED
    await databases.drop(database)


async def test_a_server_without_the_role_of_the_processes_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Postgres(home)
    await asyncio.to_thread(server.start)
    administrator = await asyncpg.connect(server.url(ADMIN))
    await administrator.execute(f"DROP ROLE {APP}")
    await administrator.close()
    monkeypatch.setenv("MIGRATIONS_DATABASE_URL", server.url(OWNER))
    with pytest.raises(Trouble, match="CREATE ROLE saldo_app"):
        await asyncio.to_thread(migrating.migrate)
