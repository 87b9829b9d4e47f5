"""What is read before the transaction, without a lock: by the time that it counts it may have changed."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from workers.identity import proof_tables
from workers.identity.lockouts import Attempts


async def found(database: AsyncEngine, wanted: Select[Any]) -> Row[Any] | None:
    """The row, if there is one."""
    async with database.connect() as connection:
        row: Row[Any] | None = (await connection.execute(wanted)).one_or_none()
    return row


async def attempts(database: AsyncEngine, *keys: str) -> list[Attempts]:
    """What has been counted under each of these names."""
    table = proof_tables.attempts
    async with database.connect() as connection:
        rows = await connection.execute(select(table).where(table.c.id.in_(keys)))
        known = {row.id: proof_tables.read_attempts(row) for row in rows}
    return [known.get(key) or Attempts.none(key, datetime.now(UTC)) for key in keys]
