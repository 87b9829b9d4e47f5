"""Where providers' statements come from."""

from collections.abc import Awaitable, Callable
from datetime import date

from workers.reconciliation.rules import Line
from workers.runtime.resources import Resources

Fetch = Callable[[date, Resources], Awaitable[list[Line]]]


class Unavailable(Exception):
    """The provider does not give its statement now."""


SOURCES: dict[str, Fetch] = {}
"""Every provider that has statements, by name."""
