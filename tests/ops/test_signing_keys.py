"""`saldo keys rotate` on a real database."""

import asyncio
import base64
import json
import os
import sys

import asyncpg

from ops import person
from tests.servers import Database

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


async def rotate(database_url: str, sealing_keys: str, *options: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "keys", "rotate", *options),
        env=os.environ | {"DATABASE_URL": database_url, "SEALING_KEYS": sealing_keys, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_a_key_is_made_and_its_private_half_shown_nowhere(database: Database) -> None:
    ring = json.dumps([{"id": "one", "key": KEY}])
    status, output = await rotate(database.app_url, ring)
    assert status == 0, output
    status, output = await rotate(database.app_url, ring, "--at-once")
    assert status == 0, output
    connection = await asyncpg.connect(database.admin_url)
    old, new = await connection.fetch("SELECT * FROM identity.signing_keys ORDER BY created_at")
    entries = await connection.fetch("SELECT * FROM operations.audit ORDER BY created_at")
    await connection.close()
    assert new["id"] in output
    assert new["sealed"] not in output
    assert old["retires_at"] == new["signs_from"] == new["alone_from"]
    assert new["retires_at"] is None
    assert [entry["object"] for entry in entries] == [old["id"], new["id"]]
    assert {(entry["actor"], entry["action"]) for entry in entries} == {("operator", "identity.RotateSigningKeys")}
    assert all(entry["address"] == person.address() for entry in entries)
    assert set(json.loads(entries[0]["after"])) == {"signs_from", "others_retire_at"}


async def test_a_ring_that_is_none_is_refused_and_not_shown(database: Database) -> None:
    for ring in ("[]", "nonsense-that-is-secret", json.dumps([{"id": "one", "key": "too-short-a-secret"}])):
        status, output = await rotate(database.app_url, ring)
        assert status == 1, output
        assert "SEALING_KEYS must be" in output
        assert "secret" not in output
