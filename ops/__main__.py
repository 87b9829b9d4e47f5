"""The entry point of `saldo`, `./dev` and `python -m ops`."""

import importlib.util
import sys

import typer
from rich.markup import escape

from ops import operator
from ops.console import console
from ops.trouble import Trouble

app = typer.Typer(
    name="saldo",
    help="Saldo, a self-hosted wallet and payment gateway.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    # A bug's traceback is for reading and pasting: no frames, no local values.
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run one command; a `Trouble` is a sentence and exit status 1, never a traceback."""
    try:
        app()
    except Trouble as trouble:
        console.print(f"[bold red]✗[/] {escape(str(trouble))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


# A production image has the operator's commands only: the others need the dev dependencies.
if importlib.util.find_spec("psutil"):
    from ops import developer

    developer.register(app)
operator.register(app)

if __name__ == "__main__":
    main()
