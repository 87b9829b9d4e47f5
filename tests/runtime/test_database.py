"""What an error says of the database, and what of a message."""

from collections.abc import Callable
from contextlib import AsyncExitStack

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.said.bank import Deposit
from workers.runtime import database
from workers.runtime.database import WRITERS, Database, DatabaseAway

SLOW = """
CREATE FUNCTION probe.dawdle() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.id = 'slow' THEN PERFORM pg_sleep(5); END IF; RETURN NEW; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON probe.accounts FOR EACH ROW EXECUTE FUNCTION probe.dawdle();
"""

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
        stranger = Database(wrong, name="stranger")
        with pytest.raises(DatabaseAway):
            async with stranger.transaction():
                pass
        assert not await stranger.answers()
        await stranger.close()


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


async def test_asking_whether_it_answers_takes_no_connection_from_anybody_and_leaves_none(
    desk: Desk, books: Books
) -> None:
    async def connections() -> int:
        return int(await books.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'desk'"))

    async with AsyncExitStack() as busy:
        for _ in range(WRITERS):
            await busy.enter_async_context(desk.database.transaction())
        assert await desk.database.answers()
        known = await connections()
        for _ in range(3):
            assert await desk.database.answers()
        assert await connections() == known


async def test_a_statement_that_takes_too_long_is_its_messages_failure_not_an_outage(
    desks: Callable[..., Desk], books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STATEMENT_SECONDS_MAX", 0.3)
    await books.connection.execute(SLOW)
    desk = desks()
    slow, quick = said(Deposit(account="slow", amount=1)), said(Deposit(account="quick", amount=1))
    await desk.deliver(slow, quick)
    assert await books.amount("quick") == 1
    assert [post.envelope.attempt for post in desk.bus.posts if post.envelope.id == slow.id] == [2]
