"""Registration, and who can be found by whom."""

import asyncio

import asyncpg
import pytest

from contracts.identity import FindUserByEmail, GetMe
from contracts.topology import commands
from tests.servers import Vhost
from tests.workers.client import Client
from tests.workers.identity.conftest import PASSWORD, Desk


async def test_a_registrant_is_a_customer(desk: Desk) -> None:
    reply = await desk.register("Budi@Example.com")
    assert reply.status == "succeeded"
    assert reply.result is not None
    assert reply.result["email"] == "budi@example.com"
    assert (reply.result["status"], reply.result["roles"]) == ("active", ["customer"])
    me = await desk.client.ask(GetMe(), reply.result["id"])
    assert me.result is not None
    assert "transfers:create" in me.result["permissions"]
    assert {key: me.result[key] for key in reply.result} == reply.result


async def test_an_address_belongs_to_one_person(desk: Desk) -> None:
    await desk.register()
    again = await desk.register("BUDI@example.com")
    assert again.problem is not None
    assert again.problem.code == "email_taken"


async def test_of_many_at_once_one_gets_the_address(desk: Desk, rows: asyncpg.Connection) -> None:
    replies = await asyncio.gather(*(desk.register() for _ in range(10)))
    assert sorted(reply.status for reply in replies) == ["failed"] * 9 + ["succeeded"]
    assert await rows.fetchval("SELECT count(*) FROM identity.users") == 1


async def test_the_password_is_nowhere_in_the_database(desk: Desk, rows: asyncpg.Connection) -> None:
    await desk.register()
    await desk.log_in()
    tables = await rows.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname IN ('identity', 'runtime')"
    )
    for table in tables:
        for row in await rows.fetch(f"SELECT t::text AS text FROM {table['name']} AS t"):
            assert PASSWORD not in row["text"]
            assert "eyJ" not in row["text"], "a token is a secret, too"
    stored = await rows.fetchval("SELECT password_hash FROM identity.users")
    assert stored.startswith("$argon2id$v=19$m=8192,t=1,p=1$")


async def test_workers_find_active_people_by_address(desk: Desk, rows: asyncpg.Connection, vhost: Vhost) -> None:
    registered = await desk.register()
    assert registered.result is not None
    workers = await Client(vhost.workers_url).start()
    found = await workers.ask(FindUserByEmail(email="budi@example.com"), "usr_sender")
    assert found.result == {"user_id": registered.result["id"]}
    await rows.execute("UPDATE identity.users SET status = 'archived'")
    for email in ("budi@example.com", "stranger@example.com"):
        unknown = await workers.ask(FindUserByEmail(email=email), "usr_sender")
        assert unknown.problem is not None
        assert unknown.problem.code == "not_found"
    await workers.stop()


async def test_people_cannot_find_people(desk: Desk, rows: asyncpg.Connection) -> None:
    question = desk.client.envelope(FindUserByEmail(email="budi@example.com"))
    await desk.client.send(question, queue=commands("identity"))
    with pytest.raises(TimeoutError):
        await desk.client.final(question, seconds=1)
    assert await rows.fetchval("SELECT count(*) FROM runtime.operations") == 0


async def test_me_is_nobody_without_a_person(desk: Desk) -> None:
    for principal in ("usr_none", "mer_1"):
        reply = await desk.client.ask(GetMe(), principal)
        assert reply.problem is not None
        assert reply.problem.code == "not_found"
