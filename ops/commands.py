"""All commands, and how each of them ends."""

import errno
import importlib.util
import os
import sys

import typer
from rich.markup import escape

from ops import operator
from ops.console import console, replace_unprintable
from ops.trouble import Trouble

# `dev` tells how it was called, for usage lines to say the same.
CALLED_AS = "SALDO_CALLED_AS"
UNWRITABLE = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT})

app = typer.Typer(
    name="saldo",
    help="Saldo, a self-hosted wallet and payment gateway.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    # A bug's traceback is for reading and pasting: no frames, no local values.
    pretty_exceptions_enable=False,
)

# A production image has the operator's commands only: the others need the dev dependencies.
if importlib.util.find_spec("psutil"):
    from ops import developer

    developer.register(app)
operator.register(app)


def run() -> None:
    """Run one command; what a person can mend is a sentence and exit status 1, never a traceback."""
    replace_unprintable()
    try:
        app(prog_name=os.environ.pop(CALLED_AS, None))
    except Trouble as trouble:
        _fail(str(trouble))
    except OSError as error:
        sentence = _of_the_machine(error)
        if sentence is None:
            raise
        _fail(sentence)


def _of_the_machine(error: OSError) -> str | None:
    """What to say of a disk that is full or a file that is not ours; None for what is a bug."""
    if error.errno in UNWRITABLE:
        place = f" to {error.filename}" if error.filename else ""
        return f"Nothing can be written{place}: {error.strerror}."
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename} can't be used: {error.strerror}."
    return None


def _fail(sentence: str) -> None:
    console.print(f"[bold red]✗[/] {escape(sentence)}", soft_wrap=True)
    sys.exit(1)
