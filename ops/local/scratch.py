"""Servers for one test run: fresh, in a home of their own, gone afterwards."""

import os
import shutil

import psutil

from ops.local.daemon import recorded
from ops.local.home import Home
from ops.local.postgres import ADMIN as POSTGRES_ADMIN
from ops.local.postgres import Postgres
from ops.local.rabbitmq import ADMIN as BROKER_ADMIN
from ops.local.rabbitmq import RabbitMQ
from ops.local.servers import Say, Servers, every, rabbitmq
from ops.local.valkey import Valkey

# Deliberately not `DATABASE_URL` and its like: tests make roles and databases
# and set passwords, which nobody wants on a server that means something.
TEST_NAMES = {"DATABASE_URL": "TEST_POSTGRES_URL", "AMQP_URL": "TEST_AMQP_URL", "REDIS_URL": "TEST_REDIS_URL"}


class ScratchServers:
    """The servers of this test run; those that a `TEST_…` variable names are used as they are."""

    def __init__(self) -> None:
        self._given = {name: os.environ.get(test_name, "") for name, test_name in TEST_NAMES.items()}
        self.home = _homes().child(str(os.getpid()))
        _sweep()

    def start(self, say: Say) -> dict[str, str]:
        """Start all, and tell as `TEST_…` variables how to reach them as administrator."""
        Servers(self.home, self._given).start(say)
        return {
            "TEST_POSTGRES_URL": self.postgres_url,
            "TEST_AMQP_URL": self.amqp_url,
            "TEST_AMQP_MANAGEMENT_URL": self.management_url,
            "TEST_REDIS_URL": self.redis_url,
        }

    @property
    def postgres_url(self) -> str:
        """PostgreSQL as its superuser, started now if it was not needed before."""
        return self._given["DATABASE_URL"] or self._postgres().url(POSTGRES_ADMIN, "postgres")

    @property
    def amqp_url(self) -> str:
        """RabbitMQ as its administrator, started now if it was not needed before."""
        return self._given["AMQP_URL"] or self._broker().url(BROKER_ADMIN)

    @property
    def management_url(self) -> str:
        """RabbitMQ's management API, for the administrator of `amqp_url`."""
        return os.environ.get("TEST_AMQP_MANAGEMENT_URL") or self._broker().management_url

    @property
    def redis_url(self) -> str:
        """Valkey, started now if it was not needed before."""
        return self._given["REDIS_URL"] or self._valkey().url

    def close(self) -> None:
        """Kill the servers and remove their data: nobody will want it."""
        discard(self.home)

    def _postgres(self) -> Postgres:
        server = Postgres(self.home)
        server.start()
        return server

    def _broker(self) -> RabbitMQ:
        server = rabbitmq(self.home)
        server.start()
        return server

    def _valkey(self) -> Valkey:
        server = Valkey(self.home)
        server.start()
        return server


def discard(home: Home) -> None:
    """Stop whatever runs in this home and remove it altogether: only for homes that nobody will want."""
    if not home.root.exists():
        return
    # Tests that start whole systems keep each in a home inside the run's own.
    for inner in home.root.glob("*/run"):
        discard(Home(inner.parent))
    for server in every(home):
        server.clear()
    for left in recorded(home):
        left.kill()
    shutil.rmtree(home.root, ignore_errors=True)


def _homes() -> Home:
    return Home.default().child("test")


def _sweep() -> None:
    for folder in _homes().root.glob("[0-9]*"):
        if not psutil.pid_exists(int(folder.name)):
            discard(Home(folder))
