"""`python -m bench`: measure Saldo against pgbench, or look closer at a part of it."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from bench import authentication, checkout, generator, machine, page, population, profile, report, rig
from bench.generator import Measurement
from bench.people import People
from bench.population import Wallet
from bench.rig import Rig
from bench.series import FULL, QUICK, Conductor, Series
from bench.traffic import Plan
from ops import ledger
from ops.console import console, head, say
from ops.local.home import Home
from ops.trouble import Trouble

WALLETS = 10_000
OWNERS = 50
WARM_UP_SECONDS = 3.0
DISTURBED_CORES = 0.1
TABLE_WIDTH = 120

Wallets = Annotated[int, typer.Option(min=10, help="How many wallets, and accounts of pgbench.")]
Seconds = Annotated[float, typer.Option(min=1, help="How long to measure.")]
Concurrency = Annotated[int, typer.Option("--concurrency", "-c", min=1, help="How many callers.")]
Workers = Annotated[int, typer.Option(min=1, max=8, help="How many worker processes, each with all domains.")]
Hot = Annotated[bool, typer.Option("--hot", help="Half of all transfers to one wallet.")]


class Target(StrEnum):
    """The processes that can be profiled."""

    GATEWAY = "gateway"
    WORKER = "worker"

    @property
    def process(self) -> str:
        """Its name in the stack."""
        return "workers" if self is Target.WORKER else "gateway"


app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="A minute instead of ten.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks.md.")] = False,
    wallets: Wallets = WALLETS,
    workers: Workers = 1,
) -> None:
    """Measure complete transfers over HTTP against pgbench's conventional ones."""
    if context.invoked_subcommand is not None:
        return
    scale = QUICK if quick else FULL
    with _verified("gateway", "workers", workers=workers) as measured:
        people, inhabitants = _inhabit(measured, wallets)
        head("Measuring")
        series = Conductor(measured, people, inhabitants, scale, say).run()
        facts = asyncio.run(machine.facts(measured))
        _show(series)
    if write:
        page.write(series, facts, scale, wallets)
        say(f"written to {page.PAGE}")
    if failures := series.failures():
        raise Trouble("Transfers failed:\n" + "\n".join(f"{count} x {why}" for why, count in failures.items()))


@app.command("authentication")
def authentication_alone() -> None:
    """Measure what knowing the caller adds to each request."""
    cost = asyncio.run(authentication.measure())
    say(f"{cost.warm:.1f} µs with a token that was verified before, {cost.cold:.0f} µs with a new one")


@app.command("worker")
def worker_alone(
    *, seconds: Seconds = 5.0, concurrency: Concurrency = 256, hot: Hot = False, wallets: Wallets = WALLETS
) -> None:
    """Measure the workers alone, fed with bundles of commands through the broker."""
    with _verified("workers") as measured:
        owners = [f"usr_bench{number}" for number in range(OWNERS)]
        inhabitants = population.populate(measured.owner_url, owners, wallets)
        plan = _plan(measured.amqp_url, inhabitants, {}, hot=hot, concurrency=concurrency, seconds=seconds)
        _tell(generator.measure(measured, "bench.worker_load", plan))


@app.command("payments")
def payments_beside_transfers(
    *, seconds: Seconds = 8.0, concurrency: Concurrency = 64, wallets: Wallets = WALLETS, workers: Workers = 1
) -> None:
    """Measure complete payments (automatic capture, by card id and API key) beside complete transfers."""
    with _verified("gateway", "workers", workers=workers) as measured:
        people, inhabitants = _inhabit(measured, wallets)
        shops = checkout.furnish(people, measured.owner_url, inhabitants)
        tokens, port = people.tokens(), str(measured.port)
        plan = _plan(port, inhabitants, tokens, hot=False, concurrency=concurrency, seconds=seconds)
        for name, run in (("Transfers", plan), ("Payments", plan.model_copy(update=vars(shops)))):
            head(name)
            _tell(generator.measure(measured, "bench.http_load", run))


@app.command("profile")
def profile_process(
    target: Annotated[Target, typer.Argument(help="Which process.")] = Target.WORKER,
    *,
    seconds: Seconds = 10.0,
    concurrency: Concurrency = 64,
    hot: Hot = False,
    wallets: Wallets = WALLETS,
) -> None:
    """Rank the functions of a process under load; needs py-spy on the PATH."""
    program = profile.program()
    stacks = Home.default().root / f"profile-{target}.txt"
    with _verified("gateway", "workers") as measured:
        people, inhabitants = _inhabit(measured, wallets)
        tokens, port = people.tokens(), str(measured.port)
        plan = _plan(port, inhabitants, tokens, hot=hot, concurrency=concurrency, seconds=seconds)
        pid = measured.pid(target.process)
        assert pid is not None, "it was just started"
        with profile.sampled(program, pid, seconds + WARM_UP_SECONDS, stacks):
            _tell(generator.measure(measured, "bench.http_load", plan))
    for ours in (False, True):
        console.print(profile.ranked(stacks, ours=ours).shown())
    say(f"folded stacks, for speedscope.app: {stacks}")


@contextmanager
def _verified(*names: str, workers: int = 1) -> Iterator[Rig]:
    """A rig with these processes, whose ledger must add up afterwards."""
    head("Starting")
    with rig.running(*names, workers=workers) as measured:
        yield measured
        head("Verifying the ledger")
        if not ledger.verify(measured.postgres.url()):
            raise Trouble("The ledger does not add up.")
        head("Stopping")


def _inhabit(measured: Rig, wallets: int) -> tuple[People, list[Wallet]]:
    people = People(measured.port)
    owners = people.register(OWNERS)
    inhabitants = population.populate(measured.owner_url, owners, wallets)
    say(f"{len(owners)} people have {wallets:,} wallets with money in them")
    return people, inhabitants


def _plan(
    target: str, wallets: list[Wallet], tokens: dict[str, str], *, hot: bool, concurrency: int, seconds: float
) -> Plan:
    return Plan(
        target=target,
        wallets=wallets,
        tokens=tokens,
        hot=hot,
        concurrency=concurrency,
        warm_up_seconds=WARM_UP_SECONDS,
        seconds=seconds,
    )


def _tell(run: Measurement) -> None:
    result = run.result
    spent = ", ".join(f"{name} {value:,.0f}" for name, value in run.cpu_microseconds.items())
    say(f"{result.rate:,.0f}/s, p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms")
    say(f"CPU time per transfer in µs: {spent}")
    say(f"{run.usage.batch_messages:.0f} commands per batch, {run.usage.elsewhere_cores:.2f} cores busy elsewhere")
    for why, count in result.failures.items():
        say(f"failed {count} x {escape(why)}")


def _show(series: Series) -> None:
    console.print()
    for table in (report.results(series), report.processor_time(series)):
        console.print(table.shown())
    for goal in report.goals(series):
        console.print(f"{'[green]✓' if goal.ok else '[red]✗'}[/] {goal.text}: {goal.reached}")
    if (elsewhere := report.elsewhere_cores(series)) > DISTURBED_CORES:
        console.print(f"[yellow]![/] Other programs kept {elsewhere:.2f} cores busy: the numbers are too low.")


def main() -> None:
    """Run one command; a `Trouble` is a sentence and exit status 1."""
    # A table of numbers is no use broken: in a narrow terminal, or a file, its lines are long.
    console.width = max(console.width, TABLE_WIDTH)
    try:
        app(prog_name="python -m bench")
    except Trouble as trouble:
        console.print(f"[bold red]✗[/] {escape(str(trouble))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
