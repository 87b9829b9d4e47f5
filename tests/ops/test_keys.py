"""`saldo keys rotate-pan` on a real database."""

import asyncio
import base64
import json
import os
import sys

import asyncpg

from ops import person
from tests.servers import Database
from workers.runtime.sealing import Sealer
from workers.runtime.settings import SealingKey

OLD, NEW = ({"id": name, "key": base64.urlsafe_b64encode(name[0].encode() * 32).decode()} for name in ("old", "new"))
CARD = """
INSERT INTO cards.cards VALUES ('crd_1', 'usr_1', 'wal_1', 'IDR', 'visa', 'debit', '400000', '0002', 'hash', $1, 1,
    2099, now(), 'active', NULL, NULL, NULL, NULL, NULL, now(), false, NULL)
"""


async def rotate_pan(database_url: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "keys", "rotate-pan"),
        env=os.environ | {"DATABASE_URL": database_url, "CARD_KEYS": json.dumps([NEW, OLD]), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_a_rotation_is_in_the_audit_trail_and_one_that_changes_nothing_is_not(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute(CARD, Sealer([SealingKey.model_validate(OLD)]).seal(b"4000000000000002", to="crd_1"))
    for _ in range(2):
        assert "key new seals every card number" in await rotate_pan(database.app_url)
    [entry] = await connection.fetch("SELECT * FROM operations.audit")
    assert (entry["actor"], entry["action"], entry["object"]) == ("operator", "cards.RotateCardKeys", "new")
    assert entry["address"] == person.address()
    assert json.loads(entry["after"]) == {"card_numbers": 1}
    await connection.close()
