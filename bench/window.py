"""The measured part of a run: opens after the warm-up, tells the parent process when, and keeps the latencies."""

import asyncio
import time
from array import array
from collections import Counter

from bench.traffic import Plan, Result

BEGIN, END = "begin", "end"
DRAIN_SECONDS_MAX = 15.0


class Window:
    """Counts what ends while it is open; `over` tells the callers to send nothing more."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._latencies = array("d")
        self._failures: Counter[str] = Counter()
        self._open = False
        self._begun_at = self._ended_at = 0.0
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Warm up, measure, and say `begin` and `end` on the standard output."""
        await asyncio.sleep(self._plan.warm_up_seconds)
        print(BEGIN, flush=True)
        self._open, self._begun_at = True, time.perf_counter()
        await asyncio.sleep(self._plan.seconds)
        self._open, self._ended_at = False, time.perf_counter()
        self.over.set()
        print(END, flush=True)

    def completed(self, started: float) -> None:
        """A transfer that was sent at `started` (by `perf_counter`) has completed."""
        if self._open:
            self._latencies.append(time.perf_counter() - started)

    def failed(self, why: str) -> None:
        """A transfer ended in any other way."""
        self._failures[why] += 1

    def result(self) -> Result:
        """What was measured."""
        latencies = sorted(self._latencies) or [0.0]
        return Result(
            completed=len(self._latencies),
            seconds=self._ended_at - self._begun_at,
            p50_ms=_percentile(latencies, 0.50),
            p99_ms=_percentile(latencies, 0.99),
            max_ms=latencies[-1] * 1000,
            failures=dict(self._failures),
        )


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000
