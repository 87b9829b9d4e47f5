"""The runs of a benchmark: pgbench and Saldo in turn, several times over, so that both see the same machine."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median

from bench import generator, yardstick
from bench.generator import Measurement
from bench.meter import Meter
from bench.people import People
from bench.population import Wallet
from bench.rig import Rig
from bench.traffic import Plan
from bench.yardstick import Setting, Yardstick

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """How long everything takes. Times in seconds, `clients` of pgbench to choose the best from."""

    repeats: int
    seconds: int
    warm_up_seconds: float
    sweep_seconds: int
    clients: tuple[int, ...]
    transports: tuple[bool, ...]
    """Whether over TCP."""


FULL = Scale(5, 8, 3.0, 4, (4, 8, 16, 32, 64), (False, True))
QUICK = Scale(1, 4, 2.0, 1, (8, 16, 32), (False,))


@dataclass(frozen=True, order=True)
class Case:
    """One kind of run: how many callers, and whether half of all transfers go to one wallet ("hot")."""

    hot: bool
    concurrency: int

    @property
    def name(self) -> str:
        """As it is called in a report."""
        return f"{traffic_name(hot=self.hot)}, c={self.concurrency}"


CASES = (Case(False, 64), Case(False, 256), Case(True, 64), Case(True, 256), Case(False, 1))  # noqa: FBT003 - a table


def traffic_name(*, hot: bool) -> str:
    """As it is called in a report."""
    return "hot" if hot else "uniform"


@dataclass
class Series:
    """Everything that was measured, in rounds: the nth of each list is from the same round."""

    sweep: dict[bool, list[Yardstick]] = field(default_factory=dict)
    yardsticks: dict[bool, list[Yardstick]] = field(default_factory=lambda: {False: [], True: []})
    measurements: dict[Case, list[Measurement]] = field(default_factory=lambda: {case: [] for case in CASES})

    def best(self, *, hot: bool) -> Setting:
        """The setting that pgbench was fastest with."""
        return max(self.sweep[hot], key=lambda run: run.rate).setting

    def yardstick_rate(self, *, hot: bool) -> float:
        """The median of pgbench's runs at its best setting."""
        return median(run.rate for run in self.yardsticks[hot])

    def rate(self, case: Case) -> float:
        """The median rate of a case."""
        return median(run.result.rate for run in self.measurements[case])

    def ratio(self, case: Case) -> float:
        """The median of its rates against pgbench's of the same round and the same traffic."""
        pairs = zip(self.measurements[case], self.yardsticks[case.hot], strict=True)
        return median(run.result.rate / yardstick.rate for run, yardstick in pairs)

    def failures(self) -> dict[str, int]:
        """Every transfer that did not complete, by what was answered."""
        found: dict[str, int] = {}
        for run in (run for runs in self.measurements.values() for run in runs):
            for why, count in run.result.failures.items():
                found[why] = found.get(why, 0) + count
        return found


@dataclass(frozen=True)
class Conductor:
    """Makes the runs on one rig."""

    rig: Rig
    people: People
    wallets: list[Wallet]
    scale: Scale
    say: Say

    def run(self) -> Series:
        """Find pgbench's best setting, then go through the rounds."""
        series = Series()
        yardstick.prepare(self.rig.postgres, len(self.wallets))
        for hot in (False, True):
            series.sweep[hot] = list(self._sweep(hot=hot))
        for number in range(self.scale.repeats):
            self.say(f"round {number + 1} of {self.scale.repeats}")
            self._round(series)
        return series

    def _sweep(self, *, hot: bool) -> Iterator[Yardstick]:
        for tcp in self.scale.transports:
            for clients in self.scale.clients:
                yield self._yardstick(Setting(clients, tcp), hot=hot, seconds=self.scale.sweep_seconds)

    def _round(self, series: Series) -> None:
        measured = set[bool]()
        for case in CASES:
            if case.hot not in measured:
                measured.add(case.hot)
                run = self._yardstick(series.best(hot=case.hot), hot=case.hot, seconds=self.scale.seconds)
                series.yardsticks[case.hot].append(run)
            series.measurements[case].append(self._measure(case))

    def _yardstick(self, setting: Setting, *, hot: bool, seconds: int) -> Yardstick:
        meter = Meter(self.rig, {"pgbench": os.getpid()})
        before = meter.read()
        run = yardstick.run(self.rig.postgres, setting, accounts=len(self.wallets), hot=hot, seconds=seconds)
        elsewhere = before.until(meter.read()).elsewhere_cores
        self.say(
            f"pgbench, {traffic_name(hot=hot)}, {setting}: {run.rate:,.0f}/s, {elsewhere:.2f} cores busy elsewhere"
        )
        return run

    def _measure(self, case: Case) -> Measurement:
        plan = Plan(
            target=str(self.rig.port),
            wallets=self.wallets,
            tokens=self.people.tokens(),
            hot=case.hot,
            concurrency=case.concurrency,
            warm_up_seconds=self.scale.warm_up_seconds,
            seconds=self.scale.seconds,
        )
        run = generator.measure(self.rig, "bench.http_load", plan)
        result = run.result
        self.say(
            f"Saldo, {case.name}: {result.rate:,.0f}/s, p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms,"
            f" {sum(result.failures.values())} failed, {run.usage.elsewhere_cores:.2f} cores busy elsewhere"
        )
        return run
