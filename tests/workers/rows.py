"""A look at one row, past the runtime."""

import asyncpg

from tests.servers import Database
from tests.system import eventually


async def becomes(database: Database, table: str, key: str, column: str, wanted: int | str | None) -> None:
    """Wait until the row `key` has this in a column."""
    connection = await asyncpg.connect(database.owner_url)

    async def there() -> bool:
        return bool(await connection.fetchval(f"SELECT {column} FROM {table} WHERE id = $1", key) == wanted)

    try:
        await eventually(f"{column} of {key} becomes {wanted}", 15, there)
    finally:
        await connection.close()
