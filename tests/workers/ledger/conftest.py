"""A worker's delivery on a real database, and the database as its three users see it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.servers import Database
from tests.workers.ledger.desk import Desk
from workers.ledger import chart


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    """One worker."""
    chart.use_stripe(0)
    desk = Desk(database.app_url)
    yield desk
    await desk.close()


@pytest.fixture
async def app(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database as the processes see it."""
    connection = await asyncpg.connect(database.app_url)
    yield connection
    await connection.close()


@pytest.fixture
async def owner(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database as the migrations see it."""
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


@pytest.fixture
async def vandal(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database as somebody who may do anything sees it, with every guard taken down."""
    connection = await asyncpg.connect(database.admin_url)
    for table in ("accounts", "holds", "movements"):
        await connection.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
    yield connection
    await connection.close()
