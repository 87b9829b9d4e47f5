"""The whole of Saldo in one home: servers, schema and processes, up and down."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil

from ops.console import say
from ops.local import ports, probe
from ops.local.daemon import Daemon, recorded
from ops.local.home import PROJECT, Home
from ops.local.processes import Arrangement, Plan, Process
from ops.local.servers import Say, Servers, every
from ops.trouble import Trouble

READY_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1
TROUBLE_LINES = 15
PORT_MAX = 65_535
SERVER_NAMES = frozenset({"postgres", "rabbitmq", "valkey", "epmd"})


class Stack:
    """Starts and stops everything; `say` tells the person at the keyboard about each step."""

    def __init__(self, home: Home, say: Say = say) -> None:
        self.home = home
        self.say = say
        self.servers = Servers(home)

    @property
    def daemons(self) -> list[Daemon]:
        """The gateway, worker and sandbox processes that were started and not stopped."""
        return [daemon for daemon in recorded(self.home) if daemon.name not in SERVER_NAMES]

    @property
    def running(self) -> bool:
        """Whether a gateway runs."""
        return Daemon(self.home, "gateway").running

    @property
    def whole(self) -> bool:
        """Whether a gateway runs, and all else that belongs to it."""
        ended = any(not daemon.running for daemon in recorded(self.home))
        return self.running and not ended and all(server.running for server in self.servers.private)

    @property
    def anything_running(self) -> bool:
        """Whether any server or process of this home runs."""
        return any(daemon.running for daemon in recorded(self.home)) or any(
            server.running for server in every(self.home)
        )

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://127.0.0.1:{Daemon(self.home, 'gateway').port}"

    def up(self, arrangement: Arrangement) -> None:
        """Start what does not run yet; when anything fails, stop what was started and raise `Trouble`."""
        with self.home.locked():
            try:
                self.stop_processes()
                _require_free(arrangement.port)
                self.servers.start(self.say)
                for sentence in self.servers.unguarded():
                    self.say(f"[yellow]beware[/]: {sentence}")
                self.migrate()
                self.start_processes(Plan(self.home, self.servers.urls, arrangement).processes())
            except BaseException:
                self._stop()
                raise

    def migrate(self) -> None:
        """Bring the schema up to date, as the role that owns it."""
        variables = os.environ | {"MIGRATIONS_DATABASE_URL": self.servers.urls.migrations}
        command = [sys.executable, "-m", "ops", "migrate"]
        result = subprocess.run(command, env=variables, cwd=PROJECT, capture_output=True, text=True, check=False)
        if result.returncode:
            last = "\n".join((result.stdout + result.stderr).splitlines()[-TROUBLE_LINES:])
            raise Trouble(f"The migrations failed:\n{last}")
        self.say("the schema is up to date")

    def down(self) -> None:
        """Stop everything in this home."""
        with self.home.locked():
            self._stop()

    def reset(self) -> None:
        """Stop everything and remove what this home holds: only files of ours, wherever it points."""
        with self.home.locked():
            self.stop_processes()
            for server in every(self.home):
                server.clear()
            self._stop()
            for folder in ("logs", "run", "test", "notices"):
                shutil.rmtree(self.home.root / folder, ignore_errors=True)
            for pattern in ("ports.json", "secrets.env", "sandbox.sqlite*", "lock"):
                for file in self.home.root.glob(pattern):
                    file.unlink()

    def _stop(self) -> None:
        self.stop_processes()
        self.servers.stop(self.say)
        # A port mapper outlives a broker that crashed.
        for left in recorded(self.home):
            left.stop()

    def start_processes(self, processes: list[Process]) -> None:
        """Start these and return when all are ready; `Trouble` when one is not."""
        for process in processes:
            command = [sys.executable, "-m", *process.arguments]
            daemon = Daemon(self.home, process.name)
            daemon.start(command, env=process.environment, port=process.port, folder=PROJECT)
        deadline = time.monotonic() + READY_SECONDS_MAX
        waiting = list(processes)
        while waiting:
            waiting = [process for process in waiting if not self._ready(process, late=time.monotonic() > deadline)]
            time.sleep(POLL_SECONDS)

    def _ready(self, process: Process, *, late: bool) -> bool:
        daemon = Daemon(self.home, process.name)
        # First of all: where it wanted to listen, somebody else may answer.
        if not daemon.running:
            raise daemon.trouble(f"{process.name} ended while starting.")
        if probe.answers(process.ready_url):
            self.say(f"{process.name} is ready on 127.0.0.1:{process.port}")
            return True
        if late:
            raise daemon.trouble(f"{process.name} was not ready after {READY_SECONDS_MAX:.0f} seconds.")
        return False

    def stop_processes(self) -> None:
        """Stop the gateways first, so that nobody is accepted whom no worker will serve."""
        gateways = [daemon for daemon in self.daemons if daemon.name.startswith("gateway")]
        others = [daemon for daemon in self.daemons if daemon not in gateways]
        for group in (gateways, others):
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(self._stop_one, group))

    def _stop_one(self, daemon: Daemon) -> None:
        ran = daemon.running
        daemon.stop()
        if ran:
            self.say(f"{daemon.name} stopped")


def _require_free(port: int) -> None:
    if not ports.is_free(port):
        other = port + 10 if port + 10 <= PORT_MAX else port - 10
        message = f"Port {port} is in use{_holder(port)}. Choose another one: ./dev up --port {other}"
        raise Trouble(message)


def _holder(port: int) -> str:
    with suppress(psutil.AccessDenied, psutil.NoSuchProcess):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
