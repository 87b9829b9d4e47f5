"""The tables as the code knows them are the tables that the migrations make."""

from typing import Any

import pytest

from workers.ledger.tables import metadata


@pytest.mark.parametrize("table", sorted(metadata.tables))
async def test_the_columns_are_the_migrations(app: Any, table: str) -> None:
    schema, name = table.split(".")
    rows = await app.fetch(
        "SELECT column_name, is_nullable, collation_name FROM information_schema.columns "
        "WHERE table_schema = $1 AND table_name = $2",
        schema,
        name,
    )
    made = {(row["column_name"], row["is_nullable"] == "YES", row["collation_name"]) for row in rows}
    known = {
        (column.name, column.nullable, getattr(column.type, "collation", None))
        for column in metadata.tables[table].columns
    }
    assert made == known


async def test_a_new_balance_touches_no_index(app: Any) -> None:
    await app.execute(
        "INSERT INTO ledger.accounts VALUES ('wal_x', 'usr_x', 'customer', 'IDR', NULL, 'active', NULL, 0, 0, 0, now())"
    )
    await app.execute("UPDATE ledger.accounts SET posted = 5, sequence = 1, label = NULL, status = 'active'")
    await app.execute("SELECT pg_stat_force_next_flush()")
    heap_only = "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relid = 'ledger.accounts'::regclass"
    assert await app.fetchval(heap_only) == 1
