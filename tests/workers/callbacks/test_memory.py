"""A callback counts once for as long as its provider may repeat it, and is not kept for ever."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
from pydantic import SecretStr

from contracts.callbacks import HearCallback
from tests.servers import Database
from tests.workers.bank import SECRET
from tests.workers.client import Client
from workers.callbacks import memory
from workers.provider import signatures
from workers.runtime import database as runtime

DAYS = 90


def told(name: str) -> HearCallback:
    """A callback about a payout that nobody knows."""
    data = {"id": "pyt_x", "status": "succeeded", "reference": "wdr_x", "method": "bank_transfer", "amount": 5,
            "currency": "IDR", "version": 1}  # fmt: skip
    body, sent_at = json.dumps({"kind": "payout", "data": data}), str(int(time.time()))
    signature = signatures.sign(SecretStr(SECRET), name, sent_at, body.encode())
    headers = {"webhook-id": name, "webhook-timestamp": sent_at, "webhook-signature": signature}
    return HearCallback(provider="sandbox", headers=headers, body=body)


async def remembered(connection: asyncpg.Connection) -> list[str]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM callbacks.taken ORDER BY id")]


async def test_callbacks_are_remembered_once_and_not_for_ever(
    start_worker: Callable[..., Awaitable[Any]], client: Client, database: Database
) -> None:
    await start_worker("callbacks")
    for name in ("evt_new", "evt_new", "evt_old"):
        assert (await client.ask(told(name))).status == "succeeded"
    connection = await asyncpg.connect(database.owner_url)
    # As the version before this one writes it.
    columns = "INSERT INTO callbacks.taken (id, reference, status, taken_at)"
    await connection.execute(f"{columns} VALUES ('sandbox:evt_before', 'wdr_x', 'succeeded', now())")
    assert (await client.ask(told("evt_before"))).status == "succeeded"
    assert await remembered(connection) == ["sandbox:evt_before", "sandbox:evt_new", "sandbox:evt_old"]
    age = timedelta(days=DAYS, minutes=1)
    await connection.execute("UPDATE callbacks.taken SET taken_at = now() - $1::interval WHERE id ~ 'old'", age)
    opened = runtime.Database(database.app_url, name="memory")
    assert not await memory.forget(opened, after_days=DAYS)
    await opened.close()
    assert await remembered(connection) == ["sandbox:evt_before", "sandbox:evt_new"]
    await connection.close()
