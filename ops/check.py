"""Everything that is checked without running the program: each step, its time, one verdict."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from ops import lock
from ops.console import console
from ops.local.home import PROJECT

PACKAGES = ("contracts", "gateway", "workers", "ops", "sandbox", "migrations", "tests", "bench")


@dataclass(frozen=True)
class Outcome:
    """What a step said; nothing to say means that all is well."""

    ok: bool
    output: str = ""


def run() -> int:
    """Run all steps, whatever the earlier ones say; the exit status."""
    failed = [name for name, step in steps().items() if not _show(name, step)]
    if failed:
        console.print(f"[bold red]✗[/] failed: {', '.join(failed)}", soft_wrap=True)
        return 1
    console.print("[bold green]✓[/] all checks passed")
    return 0


def steps() -> dict[str, Callable[[], Outcome]]:
    """The steps by name."""
    present = [package for package in PACKAGES if any((PROJECT / package).rglob("*.py"))]
    return {
        "format (ruff format)": lambda: _tool("ruff", "format", "--check", "."),
        "lint (ruff check)": lambda: _tool("ruff", "check", "."),
        "types (mypy --strict)": lambda: _tool("mypy", *present),
        "imports (import-linter)": lambda: _tool("lint-imports"),
        "generated files": lambda: _python("-m", "ops.generate", "--check"),
        "locks": _locks,
    }


def _show(name: str, step: Callable[[], Outcome]) -> bool:
    begun = time.monotonic()
    outcome = step()
    mark = "[green]✓[/]" if outcome.ok else "[bold red]✗[/]"
    console.print(f"{mark} {name} [dim]{time.monotonic() - begun:.1f} s[/]")
    if not outcome.ok:
        console.print(escape(outcome.output.strip()), soft_wrap=True)
    return outcome.ok


def _locks() -> Outcome:
    stale = lock.stale()
    return Outcome(not stale, "\n".join(stale))


def _tool(program: str, *arguments: str) -> Outcome:
    return _command(str(Path(sys.executable).parent / program), *arguments)


def _python(*arguments: str) -> Outcome:
    return _command(sys.executable, *arguments)


def _command(*command: str) -> Outcome:
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return Outcome(result.returncode == 0, result.stdout + result.stderr)
