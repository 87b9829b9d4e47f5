"""`python -m bench`: measure Saldo against pgbench, or look closer at a part of it."""

import asyncio
import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from bench import generator, machine, page, population, profile, report, rig
from bench.people import People
from bench.rig import Rig
from bench.series import FULL, QUICK, Conductor, Series
from bench.traffic import Plan
from ops import ledger
from ops.console import console, head, say
from ops.local.home import Home
from ops.trouble import Trouble

WALLETS = 10_000
PROFILE_SECONDS = 10.0
WARM_UP_SECONDS = 3.0
DISTURBED_CORES = 0.2

Wallets = Annotated[int, typer.Option(min=10, help="How many wallets, and accounts of pgbench.")]
Seconds = Annotated[float, typer.Option(min=1, help="How long to measure.")]
Concurrency = Annotated[int, typer.Option("--concurrency", "-c", min=1, help="How many callers.")]
Hot = Annotated[bool, typer.Option("--hot", help="Half of all transfers to one wallet.")]


class Target(StrEnum):
    """The processes that can be profiled."""

    GATEWAY = "gateway"
    WORKERS = "workers"
    WORKER = "worker"


app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="A minute instead of ten.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks.md.")] = False,
    wallets: Wallets = WALLETS,
) -> None:
    """Measure complete transfers over HTTP against pgbench's conventional ones."""
    if context.invoked_subcommand is not None:
        return
    scale = QUICK if quick else FULL
    head("Starting")
    with rig.running("gateway", "workers") as running:
        people, population_ = _inhabited(running, wallets)
        head("Measuring")
        series = Conductor(running, people, population_, scale, say).run()
        facts = asyncio.run(machine.facts(running))
        _show(series)
        sound = _verified(running)
    if write:
        page.write(series, facts, scale, wallets)
        say(f"written to {page.PAGE}")
    if series.failures() or not sound:
        raise typer.Exit(1)


@app.command("workers")
def workers_alone(
    *, seconds: Seconds = 5.0, concurrency: Concurrency = 256, hot: Hot = False, wallets: Wallets = WALLETS
) -> None:
    """Measure the workers alone, fed with bundles of commands through the broker."""
    with rig.running("workers") as running:
        owners = [f"usr_bench{number}" for number in range(50)]
        inhabitants = population.populate(running.owner_url, owners, wallets)
        plan = _plan(running.amqp_url, inhabitants, {}, hot=hot, concurrency=concurrency, seconds=seconds)
        _tell(generator.measure(running, "bench.worker_load", plan))
        sound = _verified(running)
    if not sound:
        raise typer.Exit(1)


@app.command("profile")
def profile_process(
    target: Annotated[Target, typer.Argument(help="Which process.")] = Target.WORKERS,
    *,
    seconds: Seconds = PROFILE_SECONDS,
    concurrency: Concurrency = 64,
    hot: Hot = False,
    wallets: Wallets = WALLETS,
) -> None:
    """Rank the functions of a process under load; needs py-spy on the PATH."""
    name = "gateway" if target is Target.GATEWAY else "workers"
    stacks = Home.default().root / f"profile-{name}.txt"
    with rig.running("gateway", "workers") as running:
        people, inhabitants = _inhabited(running, wallets)
        plan = _plan(
            str(running.port), inhabitants, people.tokens(), hot=hot, concurrency=concurrency, seconds=seconds
        )
        pid = running.pid(name)
        assert pid is not None, "it was just started"
        with profile.sampled(pid, seconds + WARM_UP_SECONDS, stacks):
            _tell(generator.measure(running, "bench.http_load", plan))
    console.print(profile.below(stacks).shown(), profile.ranked(stacks).shown())
    say(f"folded stacks for speedscope.app: {stacks}")
