"""The audit trail: written with the change, read with filters, and never changed."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from contracts.identity import Register
from contracts.ledger import CloseWallet, FreezeWallet, OpenWallet, RenameWallet, UnfreezeWallet
from contracts.message import Asked
from contracts.operations import ListAudit
from tests.servers import Database
from tests.workers.client import Client
from tests.workers.conftest import Start


@pytest.fixture
async def worker(start_worker: Start) -> None:
    """One that hosts everything."""
    await start_worker("all")


@pytest.fixture
async def app(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database as the processes see it."""
    connection = await asyncpg.connect(database.app_url)
    yield connection
    await connection.close()


async def done(client: Client, message: Asked[Any], by: str = "usr_a", **caller: Any) -> dict[str, Any]:
    """What a command that succeeds is answered."""
    reply = await client.ask(message, by, **caller)
    assert reply.result is not None, reply
    return reply.result


async def entries(client: Client, **filters: Any) -> list[dict[str, Any]]:
    """The trail, newest first."""
    page = await client.ask(ListAudit(**filters), "usr_operator")
    assert page.result is not None, page
    found: list[dict[str, Any]] = page.result["data"]
    return found


@pytest.mark.usefixtures("worker")
async def test_every_change_of_a_wallet_leaves_who_what_and_from_where(client: Client) -> None:
    caller = {"address": "192.0.2.7", "request": "theirs-1"}
    wallet = await done(client, OpenWallet(currency="IDR", label="Old"), **caller)
    key = wallet["id"]
    await done(client, RenameWallet(wallet_id=key, label="New"), **caller)
    await done(client, FreezeWallet(wallet_id=key), "usr_operator", oversees=True)
    await done(client, UnfreezeWallet(wallet_id=key), "usr_operator", oversees=True)
    await done(client, CloseWallet(wallet_id=key))
    closed, unfrozen, frozen, renamed, opened = await entries(client, object=key)
    assert (opened["actor"], opened["action"], opened["object"]) == ("usr_a", "ledger.OpenWallet", key)
    assert (opened["before"], opened["after"]["label"]) == (None, "Old")
    assert (renamed["before"], renamed["after"]) == ({"label": "Old"}, {"label": "New"})
    assert (renamed["address"], renamed["reason"]) == ("192.0.2.7", None)
    assert renamed["operation_id"].startswith("op_")
    assert (frozen["actor"], frozen["action"]) == ("usr_operator", "ledger.FreezeWallet")
    assert frozen["before"] == {"status": "active", "frozen_by": None}
    assert frozen["after"] == {"status": "frozen", "frozen_by": "usr_operator"}
    assert unfrozen["before"] == frozen["after"]
    assert (closed["before"], closed["after"]) == ({"status": "active"}, {"status": "closed"})


@pytest.mark.usefixtures("worker")
async def test_a_request_is_named_as_its_sender_named_it(client: Client) -> None:
    envelope = client.envelope(OpenWallet(currency="IDR"), "usr_a")
    await client.send(envelope)
    await client.final(envelope)
    named = client.envelope(OpenWallet(currency="IDR"), "usr_a")
    assert named.caller is not None
    await client.send(named._replace(caller=type(named.caller)("usr_a", request="theirs-1")))
    await client.final(named)
    second, first = await entries(client, actor="usr_a")
    assert (first["request_id"], second["request_id"]) == (envelope.request, "theirs-1")


@pytest.mark.usefixtures("worker")
async def test_what_is_refused_or_changes_nothing_leaves_no_entry(client: Client) -> None:
    wallet = (await done(client, OpenWallet(currency="IDR")))["id"]
    await done(client, FreezeWallet(wallet_id=wallet))
    await done(client, FreezeWallet(wallet_id=wallet))
    await done(client, UnfreezeWallet(wallet_id=wallet))
    assert (await client.ask(FreezeWallet(wallet_id=wallet), "usr_b")).problem is not None
    await done(client, CloseWallet(wallet_id=wallet))
    assert (await client.ask(RenameWallet(wallet_id=wallet, label="X"), "usr_a")).problem is not None
    actions = [entry["action"].partition(".")[2] for entry in await entries(client)]
    assert actions == ["CloseWallet", "UnfreezeWallet", "FreezeWallet", "OpenWallet"]


@pytest.mark.usefixtures("worker")
async def test_a_repeat_leaves_one_entry(client: Client) -> None:
    envelope = client.envelope(OpenWallet(currency="IDR"), "usr_a")
    await client.send(envelope, envelope)
    await client.final(envelope)
    again = envelope._replace(request="req_again")
    await client.send(again)
    await client.final(again)
    assert len(await entries(client)) == 1


@pytest.mark.usefixtures("worker")
async def test_who_registers_is_their_own_actor_and_leaves_nothing_personal(
    client: Client, app: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    asked = Register(email="budi@example.com", password="correct horse battery", first_name="Budi", last_name="Santoso")
    user = await done(client, asked, "", address="192.0.2.9")
    [entry] = await entries(client)
    assert (entry["actor"], entry["object"], entry["address"]) == (user["id"], user["id"], "192.0.2.9")
    assert entry["action"] == "identity.Register"
    [row] = await app.fetch("SELECT a::text AS row FROM operations.audit AS a")
    assert not [text for text in ("budi", "Budi", "Santoso", "correct horse", "argon2") if text in row["row"]]


@pytest.mark.usefixtures("worker")
async def test_filters_and_pages(client: Client) -> None:
    wallets = [(await done(client, OpenWallet(currency="IDR"), f"usr_{n % 2}"))["id"] for n in range(5)]
    await done(client, FreezeWallet(wallet_id=wallets[0]), "usr_0")
    everything = await entries(client)
    assert len(everything) == 6
    assert {entry["actor"] for entry in await entries(client, actor="usr_1")} == {"usr_1"}
    assert [entry["object"] for entry in await entries(client, action="ledger.FreezeWallet")] == [wallets[0]]
    assert len(await entries(client, object=wallets[0])) == 2
    third = datetime.fromisoformat(everything[3]["created_at"])
    assert await entries(client, created_from=third) == everything[:4]
    assert await entries(client, created_to=third) == everything[4:]
    read, after = [], None
    while True:
        page = (await client.ask(ListAudit(limit=2, after=after), "usr_operator")).result or {}
        read += page["data"]
        after = page["next"]
        if after is None:
            break
    assert read == everything


@pytest.mark.parametrize("statement", [
    "UPDATE operations.audit SET reason = 'better'",
    "UPDATE operations.audit SET reason = 'better' WHERE false",
    "DELETE FROM operations.audit",
    "TRUNCATE operations.audit",
])  # fmt: skip
async def test_the_database_lets_nobody_change_it(database: Database, app: Any, statement: str) -> None:
    await app.execute(
        "INSERT INTO operations.audit (id, actor, action, object, created_at)"
        " VALUES ('aud_1', 'usr_a', 'a.B', 'wal_1', now())"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)
    owner = await asyncpg.connect(database.owner_url)
    with pytest.raises(asyncpg.RestrictViolationError, match="stays written"):
        await owner.execute(statement)
    await owner.close()
    assert await app.fetchval("SELECT count(*) FROM operations.audit") == 1
