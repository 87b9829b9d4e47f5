"""Runs a load generator as a process of its own, and reads everybody's CPU time while it measures."""

import subprocess
import sys
from dataclasses import dataclass
from typing import IO

from bench.meter import Meter, Usage
from bench.rig import Rig
from bench.traffic import Plan, Result
from bench.window import BEGIN, END
from ops.local.home import PROJECT
from ops.trouble import Trouble

MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Measurement:
    """One run."""

    result: Result
    usage: Usage

    @property
    def cpu_microseconds(self) -> dict[str, float]:
        """CPU time per completed transfer."""
        done = max(1, self.result.completed)
        return {name: seconds * MICROSECONDS / done for name, seconds in self.usage.cpu_seconds.items()}


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
            usage = before.until(meter.read())
            return Measurement(Result.model_validate_json(child.stdout.readline()), usage)
        finally:
            child.kill()


def _expect(output: IO[str], word: str) -> None:
    if output.readline().strip() != word:
        raise Trouble("The load generator ended early: see above.")
