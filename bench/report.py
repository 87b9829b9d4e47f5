"""A series as tables: rates, latencies and ratios, where the CPU time goes, and which goals are reached."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table as Shown

from bench.series import CASES, Case, Series, traffic_name

SINGLE, SIXTY_FOUR, MANY = Case(False, 1), Case(False, 64), Case(False, 256)  # noqa: FBT003 - a table
HOT = (Case(True, 64), Case(True, 256))  # noqa: FBT003 - likewise


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; all columns but the first are numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def shown(self) -> Shown:
        """For a terminal."""
        table = Shown(title=self.title, title_justify="left")
        for number, name in enumerate(self.head):
            table.add_column(name, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """For a page."""
        rule = ["---", *("---:" for _ in self.head[1:])]
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.head, rule, *self.rows))


@dataclass(frozen=True)
class Goal:
    """Something to reach, and what was reached."""

    text: str
    reached: str
    ok: bool


def results(series: Series) -> Table:
    """Saldo beside pgbench, medians of all rounds."""
    head = ("", "transfers/s", "of pgbench", "p50 ms", "p99 ms", "failed")
    return Table("Results", head, [row for hot in (False, True) for row in _rows(series, hot=hot)])


def _rows(series: Series, *, hot: bool) -> Iterable[Sequence[str]]:
    rate, setting = series.yardstick_rate(hot=hot), series.best(hot=hot)
    yield f"pgbench, {traffic_name(hot=hot)}, {setting}", f"{rate:,.0f}", "1.00", "", "", ""
    for case in sorted(case for case in CASES if case.hot == hot):
        runs = [run.result for run in series.measurements[case]]
        yield (
            f"Saldo, {case.name}",
            f"{series.rate(case):,.0f}",
            f"{series.ratio(case):.2f}",
            f"{median(run.p50_ms for run in runs):.1f}",
            f"{median(run.p99_ms for run in runs):.1f}",
            str(sum(sum(run.failures.values()) for run in runs)),
        )


def processor_time(series: Series) -> Table:
    """Microseconds of CPU per transfer by process, in user and kernel mode, medians of all rounds."""
    names = list(series.measurements[CASES[0]][0].cpu_microseconds)
    rows = []
    for case in CASES:
        runs = [run.cpu_microseconds for run in series.measurements[case]]
        spent = [median(run[name] for run in runs) for name in names]
        batch = median(run.usage.batch_messages for run in series.measurements[case])
        numbers = [*spent, sum(spent), batch]
        rows.append([case.name, *(f"{value:,.0f}" for value in numbers)])
    return Table("CPU time per transfer in µs", ["", *names, "all", "batch"], rows)


def sweep(series: Series) -> Table:
    """What pgbench was tried with."""
    rows = [
        (str(uniform.setting), f"{uniform.rate:,.0f}", f"{hot.rate:,.0f}")
        for uniform, hot in zip(series.sweep[False], series.sweep[True], strict=True)
    ]
    head = ("", *(f"{traffic_name(hot=hot)}, transfers/s" for hot in (False, True)))
    return Table("pgbench by concurrency and transport", head, rows)


def goals(series: Series) -> list[Goal]:
    """What this design is to reach."""
    p50 = median(run.result.p50_ms for run in series.measurements[SINGLE])
    hot = max(series.ratio(case) for case in HOT)
    return [
        _at_least("of pgbench at c=64, uniform", 0.5, series.ratio(SIXTY_FOUR)),
        _at_least("of pgbench at c=256, uniform", 0.8, series.ratio(MANY)),
        _at_least("of pgbench with half of all transfers to one account", 1.5, hot),
        Goal("p50 of at most 10 ms at c=1", f"{p50:.1f} ms", p50 <= 10),  # noqa: PLR2004 - said beside it
    ]


def elsewhere_cores(series: Series) -> float:
    """How much of the machine others kept busy in the worst run: 0 when nothing disturbed."""
    return max(run.usage.elsewhere_cores for runs in series.measurements.values() for run in runs)


def _at_least(what: str, wanted: float, reached: float) -> Goal:
    return Goal(f"at least {wanted} {what}", f"{reached:.2f}", reached >= wanted)
