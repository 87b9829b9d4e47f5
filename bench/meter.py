"""What a run costs: CPU time by process, what others took meanwhile, and how large the workers' batches were."""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.request import urlopen

import psutil

from bench.rig import SERVERS, Rig

NAMES = {"postgres": "PostgreSQL", "rabbitmq": "RabbitMQ", "valkey": "Valkey"}
PROCESSES = ("gateway", "workers")
BATCHES = re.compile(r"^saldo_batch_messages_(sum|count) ([\d.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """What was used between two readings.

    CPU time is in seconds of user and kernel mode, `elsewhere_cores` were kept busy by programs that have nothing to
    do with it, and `batch_messages` is the mean number of commands that workers took into one transaction.
    """

    cpu_seconds: Mapping[str, float]
    elsewhere_cores: float
    batch_messages: float


@dataclass(frozen=True)
class Reading:
    """All counters at one time."""

    at: float
    machine_seconds: float
    cpu_seconds: Mapping[str, float]
    batches: float
    messages: float

    def until(self, later: "Reading") -> Usage:
        """What was used from here on."""
        cpu_seconds = {name: later.cpu_seconds[name] - seconds for name, seconds in self.cpu_seconds.items()}
        elsewhere = later.machine_seconds - self.machine_seconds - sum(cpu_seconds.values())
        batches = max(1.0, later.batches - self.batches)
        return Usage(
            cpu_seconds, max(0.0, elsewhere) / (later.at - self.at), (later.messages - self.messages) / batches
        )


@dataclass(frozen=True)
class Meter:
    """Reads the processes of a rig, and others by name and id."""

    rig: Rig
    others: Mapping[str, int]

    def read(self) -> Reading:
        """How far the counters are."""
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "guest", 0.0)
        pids = {name: self.rig.pids(name) for name in (*PROCESSES, *SERVERS)}
        pids |= {name: [pid] for name, pid in self.others.items()}
        spent = {NAMES.get(name, name): sum(map(_spent, mine)) for name, mine in pids.items() if mine}
        counted = self._batches() if self.rig.pid("workers") else {}
        return Reading(time.monotonic(), busy, spent, counted.get("count", 0.0), counted.get("sum", 0.0))

    def _batches(self) -> dict[str, float]:
        with urlopen(self.rig.workers_metrics_url, timeout=5) as answer:  # noqa: S310 - our own
            return {name: float(value) for name, value in BATCHES.findall(answer.read().decode())}


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
