"""The one place that writes to the terminal."""

from rich.console import Console

console = Console(highlight=False)


def say(line: str) -> None:
    """One step of progress."""
    console.print(f"  [green]•[/] {line}", soft_wrap=True)


def head(line: str) -> None:
    """What begins now."""
    console.print(f"[bold]{line}[/]", soft_wrap=True)
