"""Private servers: they keep their data and port through stops and crashes, and leave nothing behind."""

import asyncio

import aio_pika
import asyncpg
import psutil
import pytest
from redis import asyncio as redis

from ops.local.home import Home
from ops.local.postgres import APP, OWNER, Postgres
from ops.local.rabbitmq import GATEWAY, WORKERS, RabbitMQ
from ops.local.valkey import Valkey


def _left_over(home: Home) -> list[str]:
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(home.root) in line]


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_postgres_survives_a_crash_with_its_data_and_port(home: Home) -> None:
    server = Postgres(home)
    server.start()
    port = server.port
    await _value(server.url(OWNER), "CREATE TABLE kept AS SELECT 42 AS answer")
    server.kill()
    assert not server.running
    server.start()
    assert server.port == port
    assert await _value(server.url(OWNER), "SELECT answer FROM kept") == 42
    server.stop()
    assert _left_over(home) == []


async def test_postgres_is_durable_and_its_users_are_who_they_should_be(home: Home) -> None:
    server = Postgres(home)
    server.start()
    for setting in ("fsync", "synchronous_commit"):
        assert await _value(server.url(), f"SHOW {setting}") == "on"
    assert await _value(server.url(APP, tcp=True), "SELECT current_user") == APP
    assert await _value(server.url(), "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'saldo'") == OWNER
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _value(server.url(APP), "CREATE TABLE mine (id int)")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _value(server.url().replace(APP + ":", APP + ":not"), "SELECT 1")
    server.clear()
    assert _left_over(home) == []


async def test_valkey_keeps_its_data_over_a_stop(home: Home) -> None:
    server = Valkey(home)
    server.start()
    port = server.port
    async with redis.from_url(server.url) as client:
        await client.set("kept", "42")
    server.stop()
    server.start()
    assert server.port == port
    async with redis.from_url(server.url) as client:
        assert await client.get("kept") == b"42"
    server.kill()
    assert _left_over(home) == []


async def test_rabbitmq_has_its_users_and_leaves_nothing_behind(home: Home) -> None:
    server = RabbitMQ(home)
    server.start()
    for user in (GATEWAY, WORKERS):
        async with asyncio.timeout(10), await aio_pika.connect(server.url(user)) as connection:
            channel = await connection.channel()
            await channel.declare_queue(f"of-{user}", durable=True, arguments={"x-queue-type": "quorum"})
    mapper = server.port_mapper.process
    assert mapper
    server.kill()
    assert _left_over(home) == []
    assert not mapper.is_running() or mapper.status() == psutil.STATUS_ZOMBIE
