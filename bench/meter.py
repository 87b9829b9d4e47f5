"""CPU time by process: what each of them spent between two readings."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from bench.rig import SERVERS, Rig

NAMES = {"postgres": "PostgreSQL", "rabbitmq": "RabbitMQ", "valkey": "Valkey"}
PROCESSES = ("gateway", "workers")
MACHINE = "machine"
"""Everything that runs on it, whoever started it."""


@dataclass(frozen=True)
class Meter:
    """Reads the processes of a rig, and others by name and id."""

    rig: Rig
    others: Mapping[str, int]

    def read(self) -> dict[str, float]:
        """Seconds of CPU so far, in user and kernel mode, by name."""
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "guest", 0.0)
        pids = {name: self.rig.pid(name) for name in (*PROCESSES, *SERVERS)} | dict(self.others)
        known = {NAMES.get(name, name): _spent(pid) for name, pid in pids.items() if pid is not None}
        return known | {MACHINE: busy}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was spent between two readings."""
    return {name: after[name] - seconds for name, seconds in before.items() if name in after}


def _spent(pid: int) -> float:
    """A process with its descendants: those that run, and those that have ended."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        ended = process.cpu_times()
        family = [process, *process.children(recursive=True)]
        return ended.children_user + ended.children_system + sum(map(_own, family))
    return 0.0


def _own(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0
