"""What an error says of the database, and what of a message."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.runtime.books import Books
from tests.runtime.desk import Desk
from workers.runtime.database import Database, DatabaseAway

AWAY = [
    asyncpg.AdminShutdownError("x"),
    asyncpg.CannotConnectNowError("x"),
    asyncpg.ConnectionDoesNotExistError("x"),
    asyncpg.CrashShutdownError("x"),
    asyncpg.DiskFullError("x"),
    asyncpg.InterfaceError("the connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12"),
    asyncpg.ReadOnlySQLTransactionError("a standby"),
    asyncpg.TooManyConnectionsError("x"),
    ConnectionResetError("x"),
    TimeoutError("x"),
]
OURS = [
    asyncpg.CheckViolationError("x"),
    asyncpg.DataError("value out of range"),
    asyncpg.DeadlockDetectedError("x"),
    asyncpg.LockNotAvailableError("x"),
    asyncpg.UndefinedTableError("x"),
    asyncpg.UniqueViolationError("x"),
    ZeroDivisionError("x"),
]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
async def test_the_database_is_away(desk: Desk, error: Exception) -> None:
    with pytest.raises(DatabaseAway):
        async with desk.database.transaction():
            raise error


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
async def test_the_database_is_there(desk: Desk, error: Exception) -> None:
    with pytest.raises(type(error)):
        async with desk.database.transaction():
            raise error


@pytest.mark.parametrize("error", [*AWAY, *OURS], ids=lambda error: type(error).__name__)
async def test_beside_the_batches_no_message_is_to_blame_for_the_database(desk: Desk, error: Exception) -> None:
    blamed = ZeroDivisionError if isinstance(error, ZeroDivisionError) else DatabaseAway
    with pytest.raises(blamed):
        async with desk.database.aside():
            raise error


async def test_who_can_not_even_log_in_blames_no_message(books: Books) -> None:
    user = await books.value("SELECT current_user")
    for wrong in (f"postgresql://{user}:wrong@127.0.0.1:1/x", "postgresql://nobody:x@127.0.0.1:1/x"):
        database = Database(wrong, name="stranger")
        with pytest.raises(DatabaseAway):
            async with database.transaction():
                pass
        assert not await database.answers()
        await database.close()


async def test_who_reads_can_not_write(desk: Desk) -> None:
    async with desk.database.reading() as connection:
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.execute(text("INSERT INTO probe.accounts VALUES ('a', NULL, 1, 0)"))


async def test_a_commit_is_on_the_disk_before_anybody_hears_of_it(desk: Desk) -> None:
    async with desk.database.transaction() as connection:
        assert await connection.fetchval("SHOW synchronous_commit") == "on"


async def test_what_was_begun_is_rolled_back_and_the_connection_is_used_again(desk: Desk, books: Books) -> None:
    async def fail() -> None:
        async with desk.database.transaction() as connection:
            await connection.execute("INSERT INTO probe.accounts VALUES ('a', NULL, 1, 0)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with desk.database.transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM probe.accounts") == 0
    assert await books.amount("a") is None
