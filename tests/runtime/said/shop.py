"""A small shop: an order is a business process over the shop and the bank."""

from contracts.message import Command, Event, View
from tests.runtime.said.bank import BoxView


class OrderView(View):
    """An order."""

    id: str
    status: str


class Order(Command[OrderView]):
    """Buy something, paid from an account. Its saga finishes it."""

    account: str
    amount: int


class OrderPlaced(Event):
    """Somebody wants something."""

    order: str
    account: str
    amount: int


class Ship(Command[OrderView]):
    """It is paid."""

    internal = True

    order: str


class Cancel(Command[OrderView]):
    """It will not be."""

    internal = True

    order: str
    code: str


class Walk(Command[OrderView]):
    """Start a saga of many steps."""

    account: str


class WalkBegun(Event):
    """The first of many steps."""

    account: str


class Step(Command[OrderView]):
    """One of many steps: it counts on an account, so that doing it twice shows."""

    internal = True

    account: str
    number: int


class OrderBox(Command[BoxView]):
    """Order a safe box. Its saga finishes it."""


class BoxOrdered(Event):
    """Somebody wants a safe box."""

    box: str
