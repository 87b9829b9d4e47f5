"""A process that outlives its launcher and can be found, stopped and killed by any later one."""

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any

import psutil

from ops.local.home import Home
from ops.trouble import Trouble

# The clock may be adjusted between two readings of a process's start.
CREATED_TOLERANCE_SECONDS = 5.0
KILL_WAIT_SECONDS = 5.0
POLL_SECONDS = 0.05
TAIL_BYTES = 16_384
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# Kept so that a child that ended is reaped by the launcher that started it.
_started: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Daemon:
    """A detached process, known by its name within a home."""

    home: Home
    name: str

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        port: int | None = None,
        folder: Path | None = None,
        user: str | None = None,
    ) -> None:
        """Start it in a session of its own, so that Ctrl-C and a closing terminal do not reach it."""
        self.home.prepare()
        with self.home.log(self.name).open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=folder,
                start_new_session=True,
                umask=0o077,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        _started[child.pid] = child
        record = {"pid": child.pid, "created": psutil.Process(child.pid).create_time(), "port": port}
        self._record.write_text(json.dumps(record))

    @property
    def process(self) -> psutil.Process | None:
        """The running process, or none; a process that got the same pid later is not it."""
        record = self._read()
        if record is None:
            return None
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(record["pid"])
            same = abs(process.create_time() - record["created"]) < CREATED_TOLERANCE_SECONDS
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self.process
        return process.pid if process else None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.process is not None

    @property
    def port(self) -> int | None:
        """The port that it was started on."""
        record = self._read()
        return int(record["port"]) if record and record["port"] else None

    def stop(self, signal: Signals = SIGTERM, timeout_seconds: float = 30.0) -> None:
        """Ask it to end and wait; kill it, and whatever it leaves behind, after the time is up."""
        process = self.process
        if process:
            family = [process, *_children(process)]
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal)
            _wait([process], timeout_seconds)
            _kill([member for member in family if _alive(member)])
        self._forget()

    def kill(self) -> None:
        """`kill -9` it with its children, as a crash of the machine would."""
        process = self.process
        if process:
            _kill([process, *_children(process)])
        self._forget()

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        log = self.home.log(self.name)
        if not log.exists():
            return "(no log)"
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = COLOURS.sub("", file.read().decode(errors="replace"))
        return "\n".join(text.splitlines()[-lines:])

    def trouble(self, problem: str) -> Trouble:
        """What went wrong, with the last lines of the log: to be raised."""
        return Trouble(f"{problem} The last lines of {self.home.log(self.name)}:\n{self.tail()}")

    @property
    def _record(self) -> Path:
        return self.home.run / f"{self.name}.json"

    def _read(self) -> dict[str, Any] | None:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            record: dict[str, Any] = json.loads(self._record.read_text())
            return record
        return None

    def _forget(self) -> None:
        record = self._read()
        self._record.unlink(missing_ok=True)
        child = _started.pop(record["pid"], None) if record else None
        if child:
            child.wait()


def recorded(home: Home) -> list[Daemon]:
    """Every process that was started in this home and not stopped yet."""
    return [Daemon(home, file.stem) for file in sorted(home.run.glob("*.json"))]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with some variables set."""
    return os.environ | variables


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(processes, KILL_WAIT_SECONDS)


def _wait(processes: Sequence[psutil.Process], timeout_seconds: float) -> None:
    # Not psutil.wait_procs: a zombie whose parent does not reap counts as ended here.
    deadline = time.monotonic() + timeout_seconds
    while any(_alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
