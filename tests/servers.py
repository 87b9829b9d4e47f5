"""Databases and vhosts of a test's own, on the servers of the test run."""

import asyncio
import os
import secrets as randomness
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aio_pika
import aiohttp
import asyncpg
from redis import asyncio as redis
from sqlalchemy import URL, make_url

from ops.local import secrets
from ops.local.home import PROJECT
from ops.local.postgres import APP, OWNER
from ops.local.rabbitmq import GATEWAY, WORKERS

TEMPLATE_SECONDS_MAX = 60.0
CONNECTIONS_SEEN_SECONDS_MAX = 20.0


@dataclass(frozen=True)
class Database:
    """One migrated database and how to reach it."""

    name: str
    app_url: str
    owner_url: str
    admin_url: str


@dataclass(frozen=True)
class Vhost:
    """One vhost with the two broker users, and how to reach it."""

    name: str
    gateway_url: str
    workers_url: str
    admin_url: str


class Databases:
    """Makes migrated databases in a tenth of a second: copies of one that was migrated once."""

    def __init__(self, admin_url: str) -> None:
        """`admin_url` is a superuser's."""
        self._admin_url = make_url(admin_url)
        self._lock = asyncio.Lock()
        self._template: str | None = None

    async def create(self) -> Database:
        """A fresh database with the whole schema."""
        template = await self._migrated()
        database = self._database(_name("test"))
        await self._execute(f"CREATE DATABASE {database.name} TEMPLATE {template} OWNER {OWNER}")
        return database

    async def empty(self) -> Database:
        """A fresh database without any schema, for tests of the migrations."""
        await self._roles()
        database = self._database(_name("empty"))
        await self._execute(f"CREATE DATABASE {database.name} OWNER {OWNER}")
        return database

    async def drop(self, database: Database) -> None:
        """Remove it, whoever is still connected."""
        await self._execute(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")

    async def close(self) -> None:
        """Remove the template."""
        if self._template:
            await self._execute(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    async def _migrated(self) -> str:
        async with self._lock:
            if self._template is None:
                database = await self.empty()
                await migrate(database.owner_url)
                self._template = database.name
            return self._template

    async def _roles(self) -> None:
        for role in (OWNER, APP):
            # Roles belong to the server, so other runs may be at the same: in turn, please.
            await self._execute(
                "BEGIN; SELECT pg_advisory_xact_lock(7353); "
                f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
                f"THEN CREATE ROLE {role}; END IF; END $$; "
                f"ALTER ROLE {role} WITH LOGIN PASSWORD '{self._password(role)}'; COMMIT",
            )

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(_text(self._admin_url))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _database(self, name: str) -> Database:
        url = self._admin_url.set(database=name)
        app = url.set(username=APP, password=self._password(APP))
        owner = url.set(username=OWNER, password=self._password(OWNER))
        return Database(name, _text(app), _text(owner), _text(url))

    def _password(self, role: str) -> str:
        return secrets.derive(str(self._admin_url.password), role)


class Vhosts:
    """Makes vhosts through RabbitMQ's management API."""

    def __init__(self, amqp_url: str, management_url: str) -> None:
        """`amqp_url` is an administrator's, who is also the one of the management API."""
        place = urlsplit(amqp_url)
        self._user, self._password = unquote(place.username or "guest"), unquote(place.password or "guest")
        self._address = f"{place.hostname}:{place.port or 5672}"
        self._management_url = management_url

    async def create(self) -> Vhost:
        """A fresh vhost, in which both users may do everything."""
        name = _name("test")
        await self.call("PUT", f"vhosts/{name}", {})
        for user in (GATEWAY, WORKERS):
            password = secrets.derive(self._password, user)
            await self.call("PUT", f"users/{user}", {"password": password, "tags": ""})
        for user in (self._user, GATEWAY, WORKERS):
            everything = {"configure": ".*", "write": ".*", "read": ".*"}
            await self.call("PUT", f"permissions/{name}/{quote(user)}", everything)
        gateway, workers = (self._url(user, secrets.derive(self._password, user), name) for user in (GATEWAY, WORKERS))
        return Vhost(name, gateway, workers, self._url(self._user, self._password, name))

    async def delete(self, vhost: Vhost) -> None:
        """Remove it with all its queues."""
        await self.call("DELETE", f"vhosts/{vhost.name}")

    async def drop_connections(self, vhost: Vhost, name: str) -> int:
        """Close the connections of a client as an operator would; how many there were, and at least one."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(CONNECTIONS_SEEN_SECONDS_MAX):
            while not found:
                await asyncio.sleep(0.2)
                listed = await self.call("GET", f"vhosts/{vhost.name}/connections")
                assert isinstance(listed, list)
                found = [one for one in listed if name in one.get("client_properties", {}).get("connection_name", "")]
        for one in found:
            await self.call("DELETE", f"connections/{quote(one['name'])}")
        return len(found)

    async def purge(self, vhost: Vhost) -> None:
        """Empty its queues, those first from which messages move on."""
        found = await self.call("GET", f"queues/{vhost.name}?disable_stats=true&enable_queue_totals=true")
        assert isinstance(found, list)
        names = [queue["name"] for queue in found if queue["durable"]]
        async with await aio_pika.connect(vhost.admin_url) as connection:
            channel = await connection.channel()
            for name in sorted(names, key=lambda name: "delay" not in name):
                await (await channel.get_queue(name, ensure=False)).purge()

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        """One request to the management API (`path` below `/api/`); its answer, decoded."""
        login = {"Authorization": aiohttp.encode_basic_auth(self._user, self._password)}
        async with (
            aiohttp.ClientSession(headers=login, raise_for_status=True) as session,
            session.request(method, f"{self._management_url}/api/{path}", json=body) as answer,
        ):
            return await answer.json() if answer.content_type == "application/json" else None

    def _url(self, user: str, password: str, vhost: str) -> str:
        return f"amqp://{quote(user)}:{quote(password)}@{self._address}/{vhost}"


async def migrate(owner_url: str, target: str = "head") -> None:
    """Migrate a database as an operator does: `saldo migrate`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "migrate", "--target", target),
        env=os.environ | {"MIGRATIONS_DATABASE_URL": owner_url},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(TEMPLATE_SECONDS_MAX):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


class RedisDatabases:
    """Hands out empty databases of one Redis server, by number; runs side by side share the numbers out."""

    def __init__(self, url: str) -> None:
        """`url` names any database of the server."""
        self._url = url.rsplit("/", 1)[0] if urlsplit(url).path.strip("/") else url.rstrip("/")
        self._runs = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        self._run = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        self._given = 0

    async def create(self) -> str:
        """The URL of an empty database that nobody had before."""
        client = redis.from_url(f"{self._url}/0")
        try:
            count = int((await client.config_get("databases"))["databases"] or 1)
            number = self._given * self._runs + self._run + 1
            assert number < count, "every Redis database has been given out"
            self._given += 1
            await client.select(number)
            await client.flushdb()
        finally:
            await client.aclose()
        return f"{self._url}/{number}"


def _name(kind: str) -> str:
    return f"saldo_{kind}_{randomness.token_hex(6)}"


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
