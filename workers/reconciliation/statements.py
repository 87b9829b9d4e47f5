"""Where providers' statements come from."""

from collections.abc import Awaitable, Callable
from datetime import date

from workers.provider import routing
from workers.provider.port import Unclear
from workers.reconciliation.rules import Line
from workers.runtime.resources import Resources

Fetch = Callable[[date, Resources], Awaitable[list[Line]]]


class Unavailable(Exception):
    """The provider does not give its statement now."""


def _of(provider: str) -> Fetch:
    """The statement of one of the providers that orders are routed to."""

    async def fetch(day: date, resources: Resources) -> list[Line]:
        try:
            found = await routing.reached(provider, resources).statement(day)
        except Unclear as error:
            raise Unavailable(str(error)) from error
        return [Line(one.type, one.reference, one.provider_id, one.amount, one.currency) for one in found]

    return fetch


SOURCES: dict[str, Fetch] = {provider: _of(provider) for provider in routing.ADAPTERS}
"""Every provider that has statements, by name."""
