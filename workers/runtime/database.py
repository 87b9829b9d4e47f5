"""PostgreSQL: one writing connection for batches, a pool for reading, and what its errors mean."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, cast

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


class Connection(Protocol):
    """What we use of an asyncpg connection, which comes without types."""

    def execute(self, query: str, *args: Any) -> Coroutine[Any, Any, str]:
        """Run a statement; the answer is its command tag."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row."""

    def terminate(self) -> None:
        """Close without ceremony."""


LOCK_TIMEOUT_MS = 200
STATEMENT_SECONDS_MAX = 30.0
WRITERS = 8
"""For the upkeep, dead letters and what is claimed before it is prepared; the batch loop keeps one of them."""

PROBES = 2
"""Whether the database answers is asked apart from all work, which may keep all other connections busy."""

CONTENTION = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.QueryCanceledError,
)
"""Somebody else was there at the same time, or did not let us: not a failure."""

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    TimeoutError,
)
"""The database can't be used now: waited out."""

# A generic plan made while a table was empty would read it whole for ever; keyed statements always want their index.
WRITING = {
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
READING = {"default_transaction_read_only": "on", "jit": "off"}


class DatabaseAway(Exception):
    """The database can't be used now."""


class Database:
    """A pool for writing and one for reading."""

    def __init__(self, url: str, *, name: str, readers: int = 16) -> None:
        address = make_url(url).set(drivername="postgresql+asyncpg")
        self.writer = _engine(address, WRITERS, WRITING | {"application_name": name})
        self.reader = _engine(address, readers, READING | {"application_name": name})
        self._prober = _engine(address, PROBES, {"application_name": name})
        self._kept: tuple[AsyncConnection, Connection] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One READ COMMITTED transaction on the bare driver. Raises `DatabaseAway`; other errors as they are."""
        connection, driver = await self._connected()
        async with _transaction(connection, driver) as begun:
            await begun
            yield driver
        await connection.close()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Connection]:
        """A transaction about messages, not by one: none is to blame for whatever goes wrong. Raises `DatabaseAway`."""
        try:
            async with self.transaction() as connection:
                yield connection
        except asyncpg.PostgresError as error:
            raise DatabaseAway from error

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[tuple[Connection, asyncio.Task[Any]]]:
        """The batch loop's transaction, while it is only being begun: await that before the first statement."""
        # Its connection is kept out of the pool: going through it costs a small batch a tenth of its time, and on
        # whichever connection others left it would find its statements unprepared.
        kept, self._kept = self._kept, None
        connection, driver = kept or await self._connected()
        async with _transaction(connection, driver) as begun:
            yield driver, begun
        if self._kept is None:
            self._kept = connection, driver
        else:
            await connection.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A read-only connection; each statement sees the newest commit. Raises `DatabaseAway`."""
        try:
            async with self.reader.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")
        except AWAY as error:
            raise DatabaseAway from error
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error.orig and error.orig.__cause__, AWAY):
                raise DatabaseAway from error
            raise

    async def _connected(self) -> tuple[AsyncConnection, Connection]:
        """A writing connection. Whatever keeps us from having one, no message is to blame."""
        try:
            connection = await self.writer.connect()
            return connection, await _driver(connection)
        except (SQLAlchemyError, asyncpg.PostgresError, *AWAY) as error:
            raise DatabaseAway from error

    async def wait(self, *, most_seconds: float = 5.0) -> None:
        """Return when the database answers again; asks with back-off."""
        pause = 0.1
        while not await self.answers():
            await asyncio.sleep(pause)
            pause = min(pause * 2, most_seconds)

    async def answers(self) -> bool:
        """Whether the primary answers now."""
        try:
            async with asyncio.timeout(3), self._prober.connect() as connection:
                read_only = (await connection.execute(text("SHOW transaction_read_only"))).scalar_one()
                return bool(read_only == "off")
        except (SQLAlchemyError, *AWAY):
            return False

    async def close(self) -> None:
        """Close all connections."""
        if self._kept is not None:
            await self._kept[0].close()
        for engine in (self.writer, self.reader, self._prober):
            await engine.dispose()


def _engine(address: Any, size: int, server_settings: dict[str, str]) -> AsyncEngine:
    """A pool; a connection that died with its server is found out before it is used, not by whoever uses it."""
    return create_async_engine(
        address,
        pool_size=size,
        pool_pre_ping=True,
        hide_parameters=True,
        max_overflow=0,
        connect_args={"server_settings": server_settings, "timeout": 5, "command_timeout": STATEMENT_SECONDS_MAX},
    )


async def _driver(connection: AsyncConnection) -> Connection:
    raw = await connection.get_raw_connection()
    return cast("Connection", raw.driver_connection)


@asynccontextmanager
async def _transaction(connection: AsyncConnection, driver: Connection) -> AsyncIterator[asyncio.Task[Any]]:
    """Commits in the end; after a failure the connection is back in its pool, or gone. Yields the `BEGIN` under way."""
    begun = asyncio.Task(driver.execute("BEGIN"), loop=asyncio.get_running_loop(), eager_start=True)
    try:
        # Once around the loop, so that it is on its way whatever this process is busy with next.
        await asyncio.sleep(0)
        yield begun
        await begun
        await driver.execute("COMMIT")
    except BaseException as error:
        await asyncio.gather(begun, return_exceptions=True)
        await _abandon(connection, driver)
        await connection.close()
        if isinstance(error, AWAY):
            raise DatabaseAway from error
        raise


async def _abandon(connection: AsyncConnection, driver: Connection) -> None:
    """Roll back; a connection that can't even do that is thrown away."""
    try:
        await asyncio.shield(driver.execute("ROLLBACK"))
    except (Exception, asyncio.CancelledError):  # noqa: BLE001 - whatever it is, this connection is of no use
        with suppress(Exception):
            driver.terminate()
        with suppress(Exception):
            await connection.invalidate()
