"""Keep the stack up until the person at the keyboard has seen enough."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ops.console import console, head
from ops.local.daemon import recorded
from ops.local.home import Busy
from ops.local.stack import Stack

POLL_SECONDS = 0.5
ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Take SIGTERM and a closing terminal for Ctrl-C."""
    before = {number: signal.signal(number, _interrupt) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let cleaning up finish, however often Ctrl-C is pressed."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *ENDINGS)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stopped_afterwards(stack: Stack, *, only_on_failure: bool = False) -> Iterator[None]:
    """Stop the stack when the block ends."""
    try:
        yield
    except Busy:
        raise
    except BaseException:
        _stop(stack)
        raise
    if not only_on_failure:
        _stop(stack)


def wait(stack: Stack) -> None:
    """Return at Ctrl-C or when the stack was stopped from elsewhere; `Trouble` when a process has ended."""
    try:
        while stack.daemons:
            time.sleep(POLL_SECONDS)
            ended = [daemon for daemon in recorded(stack.home) if not daemon.running]
            if ended and not stack.home.busy and ended[0] in recorded(stack.home):
                raise ended[0].trouble(f"{ended[0].name} has ended: ./dev up starts all of it again.")
    except KeyboardInterrupt:
        console.print()


def _stop(stack: Stack) -> None:
    with undisturbed():
        while stack.home.busy:
            # Whoever is stopping it already may finish.
            time.sleep(POLL_SECONDS)
        if stack.anything_running:
            head("Stopping")
        stack.down()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
