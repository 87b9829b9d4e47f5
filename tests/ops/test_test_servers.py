"""What tests are given: databases, vhosts and Redis databases that nobody shares."""

import aio_pika
import asyncpg
from redis import asyncio as redis

from ops.local.postgres import APP, OWNER
from tests.servers import Databases, RedisDatabases, Vhost


async def test_a_database_for_both_roles(databases: Databases) -> None:
    database = await databases.empty()
    for url, role in ((database.app_url, APP), (database.owner_url, OWNER)):
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT current_user") == role
        assert await connection.fetchval("SELECT current_database()") == database.name
        await connection.close()
    await databases.drop(database)


async def test_a_migrated_database_of_ones_own(databases: Databases) -> None:
    first, second = await databases.create(), await databases.create()
    assert first.name != second.name
    connection = await asyncpg.connect(first.app_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname NOT LIKE 'pg_%'")
    assert not await connection.fetchval("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")
    await connection.close()
    for database in (first, second):
        await databases.drop(database)


async def test_a_vhost_for_both_users(vhost: Vhost) -> None:
    for url in (vhost.gateway_url, vhost.workers_url, vhost.admin_url):
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(exclusive=True)


async def test_an_empty_redis_database_each(redis_databases: RedisDatabases) -> None:
    first, second = await redis_databases.create(), await redis_databases.create()
    assert first != second
    async with redis.from_url(first) as client:
        await client.set("mine", 1)
    async with redis.from_url(second) as client:
        assert await client.dbsize() == 0
