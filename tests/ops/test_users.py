"""`saldo users create-admin` on a real database."""

import asyncio
import os
import sys

import asyncpg
import pytest

from ops import person
from tests.servers import Database
from workers.identity import passwords
from workers.identity.passwords import Cost

PASSWORD = "correct horse battery"


async def create_admin(database_url: str, password: str, email: str = "Admin@Example.com") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "users", "create-admin", "--email", email),
        env=os.environ | {"DATABASE_URL": database_url, "COLUMNS": "200"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(f"{password}\n".encode())
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_an_admin_is_made_once(database: Database) -> None:
    status, output = await create_admin(database.app_url, PASSWORD)
    assert status == 0, output
    assert "admin@example.com is an admin" in output
    connection = await asyncpg.connect(database.admin_url)
    row = await connection.fetchrow("SELECT password_hash, status, roles FROM identity.users")
    entries = await connection.fetch("SELECT * FROM operations.audit")
    await connection.close()
    assert row is not None
    assert (row["status"], row["roles"]) == ("active", '["admin", "customer"]')
    assert (await passwords.verify(PASSWORD, row["password_hash"], Cost(3, 65_536, 1))).right
    [entry] = entries
    assert (entry["actor"], entry["action"]) == ("operator", "identity.CreateAdmin")
    assert entry["object"] in output
    assert entry["address"] == person.address()
    assert '"admin"' in entry["after"]
    assert not {"argon2", "example.com"} & set(entry["after"].split('"'))
    status, output = await create_admin(database.app_url, PASSWORD)
    assert status == 1
    assert "registered already" in output
    assert "argon2" not in output


@pytest.mark.parametrize(("password", "email", "says"), [("short", "a@example.com", "12"), (PASSWORD, "a", "email")])
async def test_what_nobody_could_register_with_is_refused(
    database: Database, password: str, email: str, says: str
) -> None:
    status, output = await create_admin(database.app_url, password, email)
    assert status == 1
    assert says in output
    assert "Traceback" not in output
    assert password not in output
