"""A look at the database, past the runtime."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

import asyncpg
from pydantic_core import from_json

from tests.runtime.tables import SCHEMA
from tests.servers import Database

PATIENCE_SECONDS = 20.0


class Books:
    """One connection as the administrator."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> Self:
        """Connect."""
        self.connection: Any = await asyncpg.connect(self._url)
        return self

    async def close(self) -> None:
        """Disconnect."""
        await self.connection.close()

    async def value(self, statement: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        return await self.connection.fetchval(statement, *arguments)

    async def rows(self, statement: str, *arguments: Any) -> list[Any]:
        """All rows, as tuples."""
        return [tuple(row) for row in await self.connection.fetch(statement, *arguments)]

    async def put(self, account: str, amount: int) -> None:
        """An account with money."""
        await self.connection.execute("INSERT INTO probe.accounts VALUES ($1, NULL, $2, 0)", account, amount)

    async def amount(self, account: str) -> int | None:
        """What is on an account; None if it isn't there."""
        found: int | None = await self.value("SELECT amount FROM probe.accounts WHERE id = $1", account)
        return found

    async def count(self, table: str) -> int:
        """How many rows."""
        return int(await self.value(f"SELECT count(*) FROM {table}"))

    async def operation(self, name: str) -> str | None:
        """The status of an operation."""
        found: str | None = await self.value("SELECT status FROM runtime.operations WHERE id = $1", name)
        return found

    async def letters(self) -> list[tuple[str, str, str]]:
        """Type, reason and resolution of all dead letters, by time."""
        return await self.rows("SELECT type, reason, resolution FROM runtime.dead_letters ORDER BY died_at, id")

    async def saga(self) -> dict[str, Any]:
        """The only saga; what it keeps as JSON is decoded."""
        row = dict(await self.connection.fetchrow("SELECT * FROM runtime.sagas"))
        return row | {name: from_json(row[name]) for name in ("progress", "history", "context")}

    async def becomes(self, expected: Any, ask: Callable[[], Awaitable[Any]], *, seconds: float | None = None) -> None:
        """Wait until `ask` answers `expected`."""
        deadline = time.monotonic() + (seconds or PATIENCE_SECONDS)
        found = await ask()
        while found != expected and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            found = await ask()
        assert found == expected


async def install(database: Database) -> None:
    """Make the tables of the tests' domains."""
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()
