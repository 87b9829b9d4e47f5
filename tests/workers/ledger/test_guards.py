"""What the database refuses, whoever asks."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from contracts.ledger import PlaceHold
from tests.servers import Database, Databases
from tests.workers.ledger.desk import Desk

TABLES = ("accounts", "holds", "movements")


@pytest.fixture(scope="module")
async def database(databases: Databases) -> AsyncIterator[Database]:
    """One for all: nothing here changes it."""
    made = await databases.create()
    yield made
    await databases.drop(made)


@pytest.fixture(scope="module", autouse=True)
async def ann(database: Database) -> AsyncIterator[str]:
    """A wallet with 100 in it, 40 of which are held for another."""
    desk = Desk(database.app_url)
    ann, bob = await desk.wallet("usr_ann", funds=100), await desk.wallet("usr_bob")
    hold = {"hold_id": "hld_1", "account_id": ann, "owner": "usr_ann", "to": bob, "amount": 40}
    await desk.do(PlaceHold.model_validate(hold | {"currency": "IDR"}))
    yield ann
    await desk.close()


@pytest.mark.parametrize("statement", [
    "UPDATE ledger.movements SET amount = amount + 1",
    "UPDATE ledger.movements SET amount = amount + 1 WHERE false",
    *(f"DELETE FROM ledger.{table}" for table in TABLES),
    *(f"TRUNCATE ledger.{table} CASCADE" for table in TABLES),
])  # fmt: skip
async def test_money_is_never_changed_or_removed(app: Any, owner: Any, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)
    with pytest.raises(asyncpg.RestrictViolationError, match="corrected by another movement"):
        await owner.execute(statement)


@pytest.mark.parametrize("statement", [
    "UPDATE ledger.accounts SET currency = 'USD'",
    "UPDATE ledger.accounts SET owner = 'usr_eve'",
    "UPDATE ledger.accounts SET role = 'fees'",
    "UPDATE ledger.holds SET amount = amount + 1",
    "UPDATE ledger.holds SET to_account = account_id",
    "ALTER TABLE ledger.movements DISABLE TRIGGER immutable",
    "DROP TABLE ledger.movements",
    "CREATE TABLE ledger.mine (id int)",
    "SET session_replication_role = replica",
])  # fmt: skip
async def test_the_processes_own_nothing(app: Any, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)


@pytest.mark.parametrize(("change", "constraint"), [
    ("posted = 39", "wallets_are_not_overdrawn"),
    ("held = 101", "wallets_are_not_overdrawn"),
    ("held = -1", "held_is_not_negative"),
    ("sequence = -1", "sequence_is_not_negative"),
    ("status = 'closed'", "closed_is_empty"),
    ("status = 'frozen'", "frozen_by_somebody"),
    ("status = 'happy'", "accounts_status_check"),
])  # fmt: skip
async def test_an_account_stays_possible(app: Any, ann: str, change: str, constraint: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await app.execute(f"UPDATE ledger.accounts SET {change} WHERE id = $1", ann)
    assert refused.value.constraint_name == constraint


@pytest.mark.parametrize(("owner_", "role"), [("usr_eve", "custmer"), ("system", "customer")])
async def test_only_the_system_has_accounts_that_may_be_overdrawn(app: Any, owner_: str, role: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await app.execute(
            "INSERT INTO ledger.accounts VALUES ('wal_x', $1, $2, 'IDR', NULL, 'active', NULL, 0, 0, 0, now())",
            owner_,
            role,
        )
    assert refused.value.constraint_name == "system_owns_all_but_wallets"


@pytest.mark.parametrize(("change", "constraint"), [
    ("remaining = 41", "remaining_is_of_amount"),
    ("status = 'captured', remaining = 0", "ended_or_open"),
    ("status = 'captured', ended_at = now()", "ended_holds_hold_nothing"),
    ("remaining = 0", "ended_holds_hold_nothing"),
])  # fmt: skip
async def test_a_hold_stays_possible(app: Any, change: str, constraint: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await app.execute(f"UPDATE ledger.holds SET {change}")
    assert refused.value.constraint_name == constraint


@pytest.mark.parametrize(("changes", "error"), [
    ({"amount": 0}, asyncpg.CheckViolationError),
    ({"amount": -5}, asyncpg.CheckViolationError),
    ({"credit_account": "sys_clearing_idr_00"}, asyncpg.CheckViolationError),
    ({"debit_seq": 0}, asyncpg.CheckViolationError),
    ({"currency": "USD"}, asyncpg.ForeignKeyViolationError),
    ({"debit_account": "wal_none"}, asyncpg.ForeignKeyViolationError),
    ({"credit_account": "wal_none"}, asyncpg.ForeignKeyViolationError),
    ({"id": None}, asyncpg.UniqueViolationError),
    ({"debit_seq": 1}, asyncpg.UniqueViolationError),
    ({"credit_seq": 1}, asyncpg.UniqueViolationError),
])  # fmt: skip
async def test_an_impossible_movement_is_refused(
    app: Any, changes: dict[str, Any], error: type[asyncpg.PostgresError]
) -> None:
    [first] = await app.fetch("SELECT * FROM ledger.movements")
    row = dict(first) | {"id": "mov_2", "debit_seq": 2, "credit_seq": 2} | changes
    row["id"] = row["id"] or first["id"]
    values = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    insert = f"INSERT INTO ledger.movements ({', '.join(row)}) VALUES ({values})"
    with pytest.raises(error):
        await app.execute(insert, *row.values())
