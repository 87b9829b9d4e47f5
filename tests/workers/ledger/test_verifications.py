"""What operators learn of the ledger's soundness: measured all the time, verified as a whole when asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from contracts.ledger import GetLedgerVerification, OpenWallet, VerificationRunning, VerifyLedger
from tests.servers import Database
from tests.workers.client import Client
from workers.ledger import verification


async def asked(client: Client) -> dict[str, Any]:
    """What is known."""
    reply = await client.ask(GetLedgerVerification(), "usr_operator")
    assert reply.result is not None, reply
    return reply.result


async def test_it_is_verified_when_asked_and_measured_by_itself(
    start_worker: Callable[..., Awaitable[Any]], client: Client, database: Database
) -> None:
    worker = await start_worker("ledger", "operations")
    assert await asked(client) == {"sound": None, "measured_at": None, "invariants": [], "verification": None}
    assert (await client.ask(OpenWallet(currency="IDR"), "usr_a")).status == "succeeded"
    await verification.measure(worker.database)
    measured = await asked(client)
    assert (measured["sound"], measured["verification"]) == (True, None)
    assert {one["value"] for one in measured["invariants"]} == {0}
    done = await client.ask(VerifyLedger(), "usr_operator")
    assert done.result is not None, done
    assert (done.result["sound"], done.result["counts"]["accounts"]) == (True, 1)
    assert (await asked(client))["verification"] == done.result
    await _vandalise(database)
    found = (await client.ask(VerifyLedger(), "usr_operator")).result
    assert found is not None
    assert not found["sound"]
    assert "currency_is_balanced" in found["violations"]
    known = await asked(client)
    assert (known["sound"], known["verification"]["id"]) == (False, found["id"])


async def test_only_one_reads_the_whole_ledger_at_a_time(database: Database) -> None:
    connection = await asyncpg.connect(database.app_url)
    await connection.execute("SELECT pg_advisory_lock($1)", verification.LOCK)
    with pytest.raises(VerificationRunning):
        await verification.examine_alone(database.app_url)
    await connection.close()
    await asyncio.sleep(0)
    report, started_at, finished_at = await verification.examine_alone(database.app_url)
    assert report.sound
    assert started_at <= finished_at


async def _vandalise(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute("UPDATE ledger.accounts SET posted = posted + 1")
    await connection.close()
