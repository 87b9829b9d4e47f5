"""The one place that writes to the terminal."""

import io
import os
import sys
from typing import Any

from rich.console import Console


class Terminal(Console):
    """A console that may vanish: who has lost their terminal still has to stop what they have started."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print as long as there is anywhere to print to."""
        try:
            super().print(*objects, **how)
        except OSError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Send everything that follows nowhere, also what is said past this console and by child processes."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        out, err = sys.stdout.fileno(), sys.stderr.fileno()
        if os.path.sameopenfile(out, err):
            os.dup2(nowhere, err)
        os.dup2(nowhere, out)


console = Terminal(highlight=False)


def say(line: str) -> None:
    """One step of progress."""
    console.print(f"  [green]•[/] {line}", soft_wrap=True)


def head(line: str) -> None:
    """What begins now."""
    console.print(f"[bold]{line}[/]", soft_wrap=True)


def replace_unprintable() -> None:
    """Print `?` for what the encoding of the output lacks; that of errors escapes it anyway."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
