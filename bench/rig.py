"""The stack that is measured: fresh, private, in a home of its own, stopped whatever happens."""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

from ops import foreground
from ops.console import say
from ops.local import ports, probe
from ops.local.daemon import Daemon
from ops.local.home import PROJECT, Home
from ops.local.postgres import OWNER, Postgres
from ops.local.processes import Arrangement, Plan, Process
from ops.local.servers import Servers
from ops.local.stack import Stack
from ops.trouble import Trouble

READY_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1
SERVERS = ("postgres", "rabbitmq", "valkey")
# A few people stand for ten thousand: their number of requests per minute is not what is measured.
SETTINGS = {
    "RATE_LIMIT_PER_MINUTE": "1000000000",
    "REGISTER_LIMIT_PER_MINUTE": "1000000",
    "LOGIN_LIMIT_PER_MINUTE": "1000000",
}


@dataclass(frozen=True)
class Rig:
    """Servers, schema and some of the processes: one gateway, and so many workers that host all domains."""

    home: Home
    workers: int = 1

    @cached_property
    def servers(self) -> Servers:
        """Always private ones: what the environment names may be shared, remote or not durable."""
        return Servers(self.home, {})

    @property
    def postgres(self) -> Postgres:
        """The database server that both are measured on."""
        return Postgres(self.home)

    @property
    def owner_url(self) -> str:
        """The database as the role that owns the schema."""
        return self.postgres.url(OWNER)

    @property
    def amqp_url(self) -> str:
        """The broker as the gateway's user."""
        return self.servers.urls.gateway_amqp

    @property
    def port(self) -> int:
        """The gateway's port on 127.0.0.1."""
        port = Daemon(self.home, "gateway").port
        assert port is not None, "the gateway was not started"
        return port

    @property
    def workers_metrics_url(self) -> str:
        """Where the workers show what they count."""
        return f"http://127.0.0.1:{Daemon(self.home, 'workers').port}/metrics"

    def pid(self, name: str) -> int | None:
        """The process id of a server, `gateway` or `workers`, while it runs."""
        return Daemon(self.home, name).pid

    def pids(self, name: str) -> list[int]:
        """The process ids of all that run under this name, numbered or not."""
        numbered = [name, *(f"{name}-{number}" for number in range(2, self.workers + 1))]
        return [pid for one in numbered if (pid := self.pid(one)) is not None]

    def start(self, names: tuple[str, ...]) -> None:
        """Start the servers and these processes; return when all of them are ready."""
        stack = self._stack()
        self.servers.start(say)
        stack.migrate()
        arrangement = Arrangement(port=ports.choose(self.home, "gateway"), workers=self.workers)
        plan = Plan(self.home, self.servers.urls, arrangement)
        chosen = [process for process in plan.processes() if process.name.partition("-")[0] in names]
        # All before any is waited for: a gateway is ready when workers have told it their keys.
        for process in chosen:
            self._start(process)
        for process in chosen:
            self._wait(process)

    def stop(self) -> None:
        """Stop everything; data and logs stay."""
        self._stack().down()

    def clear(self) -> None:
        """Stop everything and remove it."""
        self._stack().reset()

    def _stack(self) -> Stack:
        stack = Stack(self.home)
        stack.servers = self.servers
        return stack

    def _start(self, process: Process) -> None:
        daemon = Daemon(self.home, process.name)
        command = [sys.executable, "-m", *process.arguments]
        daemon.start(command, env=process.environment | SETTINGS, port=process.port, folder=PROJECT)

    def _wait(self, process: Process) -> None:
        daemon = Daemon(self.home, process.name)
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not probe.answers(process.ready_url):
            if not daemon.running or time.monotonic() > deadline:
                raise daemon.trouble(f"{process.name} did not become ready.")
            time.sleep(POLL_SECONDS)
        say(f"{process.name} is ready on 127.0.0.1:{process.port}")


@contextmanager
def running(*names: str, workers: int = 1) -> Iterator[Rig]:
    """A fresh stack with these processes. After a failure its logs stay for a look."""
    home = Home.default().child("bench")
    with ExitStack() as cleaning, foreground.interruptible():
        cleaning.enter_context(_alone(home))
        rig = Rig(home, workers)
        rig.clear()
        try:
            rig.start(names)
            yield rig
        except BaseException:
            with foreground.undisturbed():
                rig.stop()
            raise
        with foreground.undisturbed():
            rig.clear()


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One benchmark at a time; what a killed one left running is not in use, so it may be cleared away."""
    home.prepare()
    with home.root.with_name("bench.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble("Another benchmark is running here. Wait until it is done.") from None
        yield
