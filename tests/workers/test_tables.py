"""What the code believes about its tables is what the migrations made."""

import re

import asyncpg
import pytest
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects.postgresql import asyncpg as driver

from tests.servers import Database
from workers.cards.holders import Holder
from workers.cards.rules import Card
from workers.cards.tables import cards, holders, spends, tokens, tries, usage
from workers.cards.tokens import Token, Tries
from workers.cards.usage import Spend, Usage
from workers.identity.roles import Role
from workers.identity.rules import User
from workers.identity.sessions import RefreshToken, Session
from workers.identity.tables import refresh_tokens, roles, sessions, users
from workers.ledger.tables import verifications
from workers.ledger.verifications import Verification
from workers.merchants.api_keys import ApiKey
from workers.merchants.owners import Owner
from workers.merchants.rules import Merchant
from workers.merchants.tables import api_keys, merchants, owners
from workers.reconciliation.rules import Entry as Believed
from workers.reconciliation.rules import Item, Run
from workers.reconciliation.tables import entries, items, runs
from workers.runtime.audit import Entry, audit
from workers.runtime.stored import mapping
from workers.topups.rules import TopUp
from workers.topups.tables import topups
from workers.transfers.rules import Transfer
from workers.transfers.tables import transfers

COLUMNS = """
SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required
FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
FOR_EVER: dict[Table, type] = {
    audit: Entry,
    refresh_tokens: RefreshToken,
    roles: Role,
    topups: TopUp,
    transfers: Transfer,
    spends: Spend,
    verifications: Verification,
    entries: Believed,
    runs: Run,
    items: Item,
    holders: Holder,
    owners: Owner,
}
"""Nothing here is ever deleted."""

ROWS: dict[Table, type] = FOR_EVER | {
    users: User,
    sessions: Session,
    cards: Card,
    usage: Usage,
    tokens: Token,
    tries: Tries,
    merchants: Merchant,
    api_keys: ApiKey,
}


@pytest.mark.parametrize("table", ROWS, ids=str)
async def test_a_table_is_as_the_migrations_made_it(database: Database, table: Table) -> None:
    connection = await asyncpg.connect(database.app_url)
    found = await connection.fetch(COLUMNS, str(table))
    await connection.close()
    dialect: Dialect = driver.dialect()  # type: ignore[no-untyped-call]
    expected = [
        (column.name, re.sub(" COLLATE.*", "", column.type.compile(dialect)).lower(), not column.nullable)
        for column in table.columns
    ]
    assert [(row["name"], row["type"], row["required"]) for row in found] == expected


@pytest.mark.parametrize(("table", "entity"), ROWS.items(), ids=str)
def test_a_row_is_an_entity(table: Table, entity: type) -> None:
    names = [column.name for column in mapping(entity).columns]
    assert names == [column.name for column in table.columns]


@pytest.mark.parametrize("table", FOR_EVER, ids=str)
async def test_the_application_can_neither_delete_nor_truncate(database: Database, table: Table) -> None:
    connection = await asyncpg.connect(database.app_url)
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()
