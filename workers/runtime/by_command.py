"""What an operator's command changes past the gateway: in one transaction, with its entry in the audit trail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import insert, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from contracts import ids
from workers.runtime.audit import Entry, Shown, audit, difference

ACTOR = "operator"
"""Whoever may run commands on a machine of ours; the entry's address says which of its users."""


@asynccontextmanager
async def transaction(database_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection of the command's own, committed at the end."""
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    # An error is shown on a screen, and what is stored may be secret.
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def write_down(
    connection: AsyncConnection, action: str, thing: str, *, at: datetime, after: Shown, address: str | None
) -> None:
    """Add an entry, like `uow.audit` in a handler. `action` is what a message for it would be called."""
    _, shown = difference(None, after)
    entry = Entry(ids.new("aud"), ACTOR, action, thing, None, shown, address, None, None, None, at)
    await connection.execute(insert(audit).values(entry._asdict()))
