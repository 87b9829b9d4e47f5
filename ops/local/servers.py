"""The three servers of a stack: the ones that the environment names, private ones for the rest."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ops.local import debian, ports, rabbitmq_binary, rabbitmq_container, secrets
from ops.local.home import Home
from ops.local.postgres import OWNER, Postgres
from ops.local.rabbitmq import GATEWAY, WORKERS, RabbitMQ
from ops.local.valkey import Valkey
from ops.trouble import Trouble

Say = Callable[[str], None]
# The variable that names a server to be used in place of a private one.
GIVEN_BY = {"postgres": "DATABASE_URL", "rabbitmq": "AMQP_URL", "valkey": "REDIS_URL"}
# Beside the one that names the server: whom the migrations are, and whom the workers.
OWNERS, WORKERS_OWN = "MIGRATIONS_DATABASE_URL", "WORKERS_AMQP_URL"
USUAL_PORTS = {"postgres": 5432, "rabbitmq": 5672, "valkey": 6379}


class Server(Protocol):
    """What every private server can do."""

    name: str

    @property
    def running(self) -> bool:
        """Whether it runs."""

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""

    def start(self) -> None:
        """Start it unless it runs."""

    def stop(self) -> None:
        """Stop it cleanly."""

    def kill(self) -> None:
        """`kill -9` it."""

    def clear(self) -> None:
        """End it, however roughly, and remove its data."""


@dataclass(frozen=True)
class Urls:
    """How the processes reach the servers, each with its own user."""

    database: str
    migrations: str
    gateway_amqp: str
    workers_amqp: str
    redis: str

    @property
    def gateway_user(self) -> str:
        """The broker's user from which workers accept commands that have a route."""
        return _user(self.gateway_amqp) or "guest"


@dataclass(frozen=True)
class Servers:
    """The private servers of a home, less those that `given` (the environment) has a URL for."""

    home: Home
    given: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def private(self) -> list[Server]:
        """The servers to start here."""
        return [server for server in every(self.home) if not self.given.get(GIVEN_BY[server.name])]

    @property
    def urls(self) -> Urls:
        """How to reach them all."""
        postgres, broker = Postgres(self.home), RabbitMQ(self.home)
        database, amqp = self.given.get("DATABASE_URL"), self.given.get("AMQP_URL")
        return Urls(
            database=database or postgres.url(),
            migrations=(self.given.get(OWNERS) or database) if database else postgres.url(OWNER),
            gateway_amqp=amqp or broker.url(GATEWAY),
            workers_amqp=(self.given.get(WORKERS_OWN) or amqp) if amqp else broker.url(WORKERS),
            redis=self.given.get("REDIS_URL") or Valkey(self.home).url,
        )

    def start(self, say: Say) -> None:
        """Start the private ones, side by side, and return when all of them answer; so must those that are given."""
        for name, variable in GIVEN_BY.items():
            if url := self.given.get(variable):
                _require_answer(variable, url, USUAL_PORTS[name])
        secrets.load(self.home)
        starting = [server for server in self.private if not server.running]
        for server in starting:
            if isinstance(server, RabbitMQ):
                # Before anything is started: it is all in vain without, and its package brings `useradd`, too.
                server.install(say)
        with ThreadPoolExecutor(max_workers=3) as pool:
            for started in [pool.submit(_start, server, say) for server in starting]:
                started.result()

    def unguarded(self) -> list[str]:
        """Which guard a server that is given can't be, for want of a second role or user; what to do."""
        sentences, urls = [], self.urls
        if _user(urls.database) == _user(urls.migrations):
            sentences.append(f"the processes own their tables and could change them: name an owner in {OWNERS}")
        if _user(urls.gateway_amqp) == _user(urls.workers_amqp):
            sentences.append(f"gateway and workers are one to the broker: name the workers' user in {WORKERS_OWN}")
        return [f"{sentence} (docs/servers.md)" for sentence in sentences]

    def stop(self, say: Say) -> None:
        """Stop whatever of them runs."""
        running = [server for server in every(self.home) if server.running]
        with ThreadPoolExecutor(max_workers=3) as pool:
            for stopped in [pool.submit(_stop, server, say) for server in running]:
                stopped.result()


def every(home: Home) -> list[Server]:
    """All three private servers of a home, wanted or not."""
    return [Postgres(home), rabbitmq(home), Valkey(home)]


def rabbitmq(home: Home) -> RabbitMQ:
    """RabbitMQ by the machine's own binary, or in a container where only that is possible."""
    by_binary = rabbitmq_binary.present() or debian.installable()
    if not by_binary and rabbitmq_container.available():
        return rabbitmq_container.RabbitMQContainer(home)
    return RabbitMQ(home)


def _user(url: str) -> str:
    return unquote(urlsplit(url).username or "")


def _require_answer(variable: str, url: str, usual_port: int) -> None:
    """Raise `Trouble` unless something listens there; of a socket or of several hosts only their driver can tell."""
    address = urlsplit(url)
    if not address.scheme:
        raise Trouble(f"{variable} is not a URL.")
    try:
        host, port = address.hostname, address.port or usual_port
    except ValueError:
        return
    if host is not None and not ports.answers(port, host):
        raise Trouble(f"{variable} names {host}:{port}, where nothing answers.")


def _start(server: Server, say: Say) -> None:
    server.start()
    say(f"{server.name} listens on 127.0.0.1:{server.port}")


def _stop(server: Server, say: Say) -> None:
    server.stop()
    say(f"{server.name} stopped")
