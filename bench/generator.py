"""Runs a load generator as a process of its own, and reads everybody's CPU time while it measures."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from bench.meter import MACHINE, Meter, spent
from bench.rig import Rig
from bench.traffic import Plan, Result
from bench.window import BEGIN, END
from ops.local.home import PROJECT
from ops.trouble import Trouble

MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Measurement:
    """One run, with the CPU time of each process in seconds. `elsewhere_cores` were kept busy by others meanwhile."""

    result: Result
    cpu_seconds: Mapping[str, float]
    elsewhere_cores: float

    @property
    def cpu_microseconds(self) -> dict[str, float]:
        """CPU time per completed transfer."""
        done = max(1, self.result.completed)
        return {name: seconds * MICROSECONDS / done for name, seconds in self.cpu_seconds.items()}


def measure(rig: Rig, module: str, plan: Plan) -> Measurement:
    """Run `python -m module` with this plan."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as child:
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(plan.model_dump_json())
            child.stdin.close()
            meter = Meter(rig, {"generator": child.pid})
            _expect(child.stdout, BEGIN)
            before = meter.read()
            _expect(child.stdout, END)
            cpu_seconds = spent(before, meter.read())
            elsewhere = cpu_seconds.pop(MACHINE) - sum(cpu_seconds.values())
            result = Result.model_validate_json(child.stdout.readline())
            return Measurement(result, cpu_seconds, max(0.0, elsewhere) / result.seconds)
        finally:
            child.kill()


def _expect(output: IO[str], word: str) -> None:
    if output.readline().strip() != word:
        raise Trouble("The load generator ended early: see above.")
