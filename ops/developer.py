"""The commands of those who work on Saldo, with everything on their own machine."""

import subprocess
import sys
from typing import Annotated

import typer
from rich.markup import escape

from ops import check as checks
from ops import demo as journey
from ops import foreground, ledger, lock, suite
from ops.console import console, head
from ops.local import status as state
from ops.local.home import PROJECT, Home
from ops.local.processes import GATEWAY_PORT, Arrangement
from ops.local.stack import PORT_MAX, Stack
from ops.trouble import Trouble

LOCAL, WORK = "Run it here", "Work on it"
TO_PYTEST = {"ignore_unknown_options": True}
TO_BENCH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
LOG_LINES = 50


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (up, down, reset, status, logs, demo):
        app.command(rich_help_panel=LOCAL)(command)
    app.command("check", rich_help_panel=WORK)(check)
    app.command("test", rich_help_panel=WORK, context_settings=TO_PYTEST)(run_tests)
    app.command("bench", rich_help_panel=WORK, context_settings=TO_BENCH)(bench)
    app.command("generate", rich_help_panel=WORK)(generate)
    app.command("lock", rich_help_panel=WORK)(compile_locks)


def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return and leave it running.")] = False,
    port: Annotated[int, typer.Option(min=1, max=PORT_MAX, help="The gateway's port.")] = GATEWAY_PORT,
    gateways: Annotated[int, typer.Option(min=1, max=8, help="How many gateways.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=8, help="How many worker processes of each kind.")] = 1,
    split: Annotated[bool, typer.Option("--split", help="A worker process for each domain.")] = False,
    with_demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Run the demo journey.")] = True,
) -> None:
    """Start everything: servers, schema, gateway, workers, sandbox; then the demo journey."""
    stack = Stack(Home.default())
    if stack.whole:
        console.print(f"Saldo already runs at {stack.url} (./dev down stops it).", soft_wrap=True)
        return
    with foreground.interruptible(), foreground.stopped_afterwards(stack, only_on_failure=detach):
        head("Starting")
        stack.up(Arrangement(gateways=gateways, split=split, port=port, workers=workers))
        if with_demo:
            _demo(stack)
        _invite(stack)
        if not detach:
            console.print("Ctrl-C stops everything.")
            foreground.wait(stack)


def down() -> None:
    """Stop everything that `up` started; the data stays."""
    stack = Stack(Home.default())
    if not stack.anything_running:
        console.print("Nothing is running.")
    stack.down()


def reset(*, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Stop everything and remove all data, logs and secrets of this stack."""
    home = Home.default()
    if not yes:
        typer.confirm(f"Remove all data in {home.root}?", abort=True)
    Stack(home).reset()
    console.print(f"{escape(str(home.root))} is empty.", soft_wrap=True)


def status() -> None:
    """Show which servers and processes run, with their ports."""
    console.print(state.table(Home.default()))


def logs(
    process: Annotated[str | None, typer.Argument(help="One process, as `status` names it.")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines are written.")] = False,
) -> None:
    """Show the last lines of the logs."""
    home = Home.default()
    files = [home.log(process)] if process else sorted(home.logs.glob("*.log"))
    files = [file for file in files if file.exists()]
    if not files:
        known = ", ".join(sorted(file.stem for file in home.logs.glob("*.log"))) or "none yet"
        raise Trouble(f"There is no such log. There are: {known}.")
    command = ["tail", f"-n{LOG_LINES}", *(["-F"] if follow else []), *map(str, files)]
    raise typer.Exit(_run(command))


def demo() -> None:
    """Run the demo journey against the running stack."""
    stack = Stack(Home.default())
    if not stack.running:
        raise Trouble("Nothing is running: start it with ./dev up.")
    _demo(stack)


def check() -> None:
    """Check format, lint, types, imports, generated files and locks."""
    raise typer.Exit(checks.run())


def run_tests(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PYTEST-ARGUMENT",
            show_default=False,
            help="What pytest is told, as in `tests/rules -x -k refund`; `.venv/bin/pytest --help` names all of it.",
        ),
    ] = None,
) -> None:
    """Run all tests, several at a time, or what the arguments tell pytest; servers are started for them."""
    with foreground.interruptible():
        raise typer.Exit(suite.run(arguments or []))


def bench(context: typer.Context) -> None:
    """Measure Saldo against pgbench; arguments go to the benchmark."""
    raise typer.Exit(_run([sys.executable, "-m", "bench", *context.args]))


def generate(
    *,
    only_check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when something is stale.")] = False,
    incompatible: Annotated[
        bool, typer.Option("--incompatible", help="Let messages change as their version does not allow.")
    ] = False,
) -> None:
    """Write the generated files anew (message schemas, OpenAPI, …)."""
    options = [*(["--check"] if only_check else []), *(["--incompatible"] if incompatible else [])]
    raise typer.Exit(_run([sys.executable, "-m", "ops.generate", *options]))


def compile_locks(
    *, upgrade: Annotated[bool, typer.Option("--upgrade", help="Take the newest versions.")] = False
) -> None:
    """Compile requirements.lock and requirements-dev.lock from pyproject.toml."""
    lock.compile_all(upgrade=upgrade)


def _demo(stack: Stack) -> None:
    head("The demo journey")
    journey.run(stack.url)
    if not ledger.verify(stack.servers.urls.database):
        raise Trouble("The ledger does not add up.")


def _invite(stack: Stack) -> None:
    console.print(f"\n[bold green]Saldo runs at {stack.url}[/] · Swagger UI: {stack.url}/docs", soft_wrap=True)
    console.print("./dev status · ./dev logs -f · ./dev demo · ./dev down")


def _run(command: list[str]) -> int:
    try:
        return subprocess.run(command, cwd=PROJECT, check=False).returncode
    except KeyboardInterrupt:
        return 130
