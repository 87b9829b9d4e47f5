"""The whole system as its users meet it: gateways, workers and the sandbox, each a process of its own."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops.local import ports, probe
from ops.local.daemon import Daemon
from ops.local.home import Home
from ops.local.processes import HOST, Arrangement, Plan, Process
from ops.local.servers import Urls
from ops.local.stack import Stack
from tests.servers import Databases, RedisDatabases, Vhosts

ENOUGH = "1000000"
# What costs time for its own sake is cheap in tests; what bounds, bounds later.
SETTINGS = {
    "ARGON2_MEMORY_KIB": "8192",
    "ARGON2_TIME_COST": "1",
    "RATE_LIMIT_PER_MINUTE": ENOUGH,
    "REGISTER_LIMIT_PER_MINUTE": ENOUGH,
    "LOGIN_LIMIT_PER_MINUTE": ENOUGH,
    "RESET_LIMIT_PER_MINUTE": ENOUGH,
    "REFRESH_LIMIT_PER_MINUTE": ENOUGH,
    "PASSWORD_LIMIT_PER_MINUTE": ENOUGH,
    "TOTP_LIMIT_PER_MINUTE": ENOUGH,
    "LOCKOUT_ADDRESS_FAILURES": ENOUGH,
    "DRAIN_SECONDS": "0.2",
    "RETRY_DELAY_SECONDS": "0.5",
    "TIMER_POLL_SECONDS": "0.2",
    "SLOW_ANSWER_SECONDS": "2",
    "WITHDRAWAL_GRACE_SECONDS": "0",
}
GRAVE = frozenset({"error", "critical"})
EVENT_LENGTH_MAX = 2000


class System:
    """Processes on servers that are there already; ports stay the same from start to start."""

    def __init__(
        self, home: Home, urls: Urls, *, split: bool, gateways: int = 2, settings: Mapping[str, str] | None = None
    ) -> None:
        home.prepare()
        self._home = home
        self.servers = urls
        plan = Plan(home, urls, Arrangement(gateways, split, ports.choose(home, "gateway")))
        self.secrets: dict[str, str] = plan.secrets
        told = SETTINGS | dict(settings or {})
        self._processes = {
            process.name: replace(process, settings={**process.settings, **told}) for process in plan.processes()
        }
        self._stack = Stack(home, say=lambda _: None)

    @property
    def gateways(self) -> list[str]:
        """Where each gateway answers."""
        return [f"http://{HOST}:{one.port}" for one in self._processes.values() if one.name.startswith("gateway")]

    @property
    def notices(self) -> Path:
        """Where the mails are that nobody sends."""
        return self._home.root / "notices"

    @property
    def sandbox(self) -> str:
        """Where the provider answers."""
        return f"http://{HOST}:{self._processes['sandbox'].port}"

    @property
    def workers(self) -> list[str]:
        """The names of the worker processes."""
        return [name for name in self._processes if name.startswith("workers")]

    async def start(self, *names: str) -> None:
        """Start these, or all, and return when they are ready."""
        await asyncio.to_thread(self._stack.start_processes, self._chosen(names))

    async def ready(self, seconds: float = 60.0) -> None:
        """Return when every process has found its servers again."""

        async def all_ready() -> bool:
            urls = [process.ready_url for process in self._processes.values()]
            return all(await asyncio.gather(*(asyncio.to_thread(probe.answers, url) for url in urls)))

        await eventually("all are ready", seconds, all_ready)

    async def kill(self, *names: str) -> None:
        """`kill -9` these."""
        for name in names:
            await asyncio.to_thread(self.process(name).kill)

    async def stop(self, *names: str) -> None:
        """Ask these to end, or all, and wait until they have."""
        if not names:
            await asyncio.to_thread(self._stack.stop_processes)
        for name in names:
            await asyncio.to_thread(self.process(name).stop)

    def process(self, name: str) -> Daemon:
        """A handle of one process."""
        return Daemon(self._home, name)

    def logs(self) -> dict[str, str]:
        """Everything that each process has written so far."""
        return {name: self._home.log(name).read_text(errors="replace") for name in self._processes}

    def complaints(self, *expected: str) -> list[str]:
        """What the processes logged as errors, and tracebacks, less what matches the `expected` patterns."""
        lines = [(name, line) for name, text in self.logs().items() for line in _grave(text)]
        excused = re.compile("|".join(expected)) if expected else None
        return [f"{name}: {line[:EVENT_LENGTH_MAX]}" for name, line in lines if not (excused and excused.search(line))]

    def _chosen(self, names: Sequence[str]) -> list[Process]:
        return [process for name, process in self._processes.items() if not names or name in names]


def _grave(log: str) -> list[str]:
    return [line for line in log.splitlines() if "Traceback" in line or _level(line) in GRAVE]


def _level(line: str) -> Any:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event.get("level") if isinstance(event, dict) else None


@dataclass(frozen=True)
class Systems:
    """Starts systems on servers that are there, each with a database, a vhost and a Redis database of its own."""

    home: Home
    databases: Databases
    vhosts: Vhosts
    redis_databases: RedisDatabases

    @asynccontextmanager
    async def running(self, name: str, *excused: str, **options: Any) -> AsyncIterator[System]:
        """One until the block ends; all that it may have complained of by then matches an `excused` pattern."""
        database, vhost = await self.databases.create(), await self.vhosts.create()
        redis_url = await self.redis_databases.create()
        urls = Urls(database.app_url, database.owner_url, vhost.gateway_url, vhost.workers_url, redis_url)
        system = System(self.home.child(name), urls, **options)
        try:
            await system.start()
            yield system
        finally:
            await system.stop()
            await self.databases.drop(database)
            await self.vhosts.delete(vhost)
        complaints = system.complaints(*excused)
        assert not complaints, "\n".join(complaints)


async def eventually(what: str, seconds: float, happens: Any) -> None:
    """Wait until `happens` (asynchronous) is true."""
    deadline = time.monotonic() + seconds
    while not await happens():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        await asyncio.sleep(0.1)
