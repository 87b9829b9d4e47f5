"""People who register and log in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from contracts.identity import LogIn, Register
from contracts.operations import Reply
from tests.servers import Database
from tests.workers.client import Client

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Desk:
    """What tests do with accounts, in few words."""

    client: Client

    async def register(self, email: str = "budi@example.com", password: str = PASSWORD) -> Reply:
        """Register, and wait for the answer."""
        asked = Register(email=email, password=password, first_name="Budi", last_name="Santoso")
        return await self.client.ask(asked, "nobody")

    async def log_in(self, email: str = "budi@example.com", password: str = PASSWORD, **as_who: Any) -> Reply:
        """Log in, and wait for the answer."""
        return await self.client.ask(LogIn(email=email, password=password), "nobody", **as_who)

    async def token(self) -> str:
        """The access token of a login."""
        reply = await self.log_in()
        assert reply.result is not None, reply
        return str(reply.result["access_token"])


@pytest.fixture
async def desk(start_worker: Callable[..., Awaitable[Any]], client: Client) -> Desk:
    """A worker that hosts identity."""
    await start_worker("identity")
    return Desk(client)


@pytest.fixture
async def rows(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """The database as its administrator sees it."""
    connection = await asyncpg.connect(database.admin_url)
    yield connection
    await connection.close()
