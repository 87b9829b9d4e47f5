"""How Alembic reaches the database: as the role that owns the tables, which the processes never are.

Each migration is a transaction of its own and waits for no lock longer than `LOCK_TIMEOUT`, since everybody who wants
the table then waits behind it. Who ran into that runs it again: what is done is done.
"""

import asyncio
import os
import time
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

LOCK = 7_250_801
"""Advisory lock of the session: two operators who migrate at once do it one after the other."""

LOCK_TIMEOUT = "2s"
TURN_SECONDS_MAX = 600


def _migrate(connection: Connection) -> None:
    _wait_for_turn(connection)
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True, on_version_apply=_tell)
    with context.begin_transaction():
        context.run_migrations()


def _wait_for_turn(connection: Connection) -> None:
    # Asked for again and again: who waits inside a statement has a snapshot, for which a concurrent index would wait.
    for _ in range(TURN_SECONDS_MAX):
        mine = connection.scalar(text(f"SELECT pg_try_advisory_lock({LOCK})"))
        connection.commit()
        if mine:
            return
        time.sleep(1)
    raise CommandError(f"somebody else has been migrating it for {TURN_SECONDS_MAX} seconds.")


def _tell(*_: Any, **said: Any) -> None:
    step = said["step"]
    if applied := context.config.attributes.get("applied"):
        applied(step.up_revision.revision, step.up_revision.doc)


async def _run() -> None:
    url = make_url(os.environ["MIGRATIONS_DATABASE_URL"]).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_run())
