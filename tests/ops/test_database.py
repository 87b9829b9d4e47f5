"""An operator's command finds the database that is meant, or says what to do."""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url

from ops import database as named
from ops.trouble import Trouble
from tests.servers import Database, Databases
from tests.workers.conftest import free_port


def test_the_named_database_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://here")
    assert named.url() == "postgresql://here"


def test_without_any_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SALDO_HOME", str(tmp_path))
    with pytest.raises(Trouble, match=r"Set DATABASE_URL .* or start a stack here with \./dev up"):
        named.url()


COMMANDS = {
    "ledger verify": ("ledger", "verify"),
    "create-admin": ("users", "create-admin", "--email", "a@example.com"),
    "keys rotate": ("keys", "rotate"),
    "keys rotate-pan": ("keys", "rotate-pan"),
    "migrate": ("migrate",),
}
RING = json.dumps([{"id": "one", "key": base64.urlsafe_b64encode(bytes(32)).decode()}])


async def saldo(database_url: str, *words: str) -> tuple[int, str]:
    """Say it on a command line of its own: what is tested is how it ends."""
    variables = {"DATABASE_URL": database_url, "MIGRATIONS_DATABASE_URL": database_url, "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", *words),
        env=os.environ | variables | {"SEALING_KEYS": RING, "CARD_KEYS": RING},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(b"correct horse battery\n")
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_server_that_is_away_is_a_sentence(command: str) -> None:
    status, told = await saldo(f"postgresql://ani:secret@127.0.0.1:{free_port()}/saldo", *COMMANDS[command])
    assert (status, told.count("\n")) == (1, 1), told
    assert "DATABASE_URL names can't be reached" in told
    assert "secret" not in told


@pytest.mark.parametrize("command", ["ledger verify", "migrate"])
async def test_what_is_no_address_is_a_sentence(command: str) -> None:
    status, told = await saldo("garbage-with-a-secret", *COMMANDS[command])
    assert (status, told.count("\n")) == (1, 1), told
    assert "DATABASE_URL is not the address of a database" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"password": "wrong-and-secret"}, "Are user and password right?"),
        ({"database": "nowhere"}, "Is the name of the database right?"),
        ({"host": "127.0.0.1", "port": 99_999, "query": {}}, "can't be reached"),
        ({"query": {"sslmode": "require"}}, "an option that is not known here: sslmode"),
    ],
)
async def test_what_a_server_refuses_is_a_sentence(database: Database, change: dict[str, Any], says: str) -> None:
    url = make_url(database.app_url).set(**change)
    status, told = await saldo(url.render_as_string(hide_password=False), "ledger", "verify")
    assert (status, told.count("\n")) == (1, 1), told
    assert says in told
    assert "secret" not in told


@pytest.mark.parametrize("words", [COMMANDS["create-admin"], COMMANDS["keys rotate"]], ids=lambda words: words[0])
@pytest.mark.parametrize(
    "how",
    [
        "ALTER DATABASE {name} SET default_transaction_read_only = on",
        "ALTER TABLE identity.users ADD CHECK (false) NOT VALID; ALTER TABLE identity.signing_keys ADD CHECK (false)",
    ],
    ids=["read-only", "a mistake of ours"],
)
async def test_what_can_not_be_stored_is_not_shown(database: Database, words: tuple[str, ...], how: str) -> None:
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute(how.format(name=make_url(database.admin_url).database))
    await connection.close()
    status, told = await saldo(database.app_url, *words)
    assert status == 1
    assert "argon2" not in told
    assert "[parameters" not in told
    if "read_only" in how:
        assert told.count("\n") == 1, told
        assert "read-only" in told


async def test_a_database_without_a_schema_is_to_be_migrated(databases: Databases) -> None:
    database = await databases.empty()
    status, told = await saldo(database.app_url, "ledger", "verify")
    assert (status, told.count("\n")) == (1, 1), told
    assert "saldo migrate" in told
    await databases.drop(database)


async def test_a_revision_that_does_not_exist_is_a_sentence(database: Database) -> None:
    status, told = await saldo(database.owner_url, "migrate", "--target", "nonsense")
    assert (status, told.count("\n")) == (1, 1), told
    assert "nonsense" in told


def test_a_mistake_of_ours_stays_one() -> None:
    with pytest.raises(TypeError), named.reached():
        len(5)  # type: ignore[arg-type]
