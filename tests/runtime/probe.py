"""The tests' own domains: handlers that do a little, and whatever a test wants them to do besides."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contracts import topology
from contracts.message import Command, Problem, Refusal
from contracts.topology import Topology
from tests.runtime import tables
from tests.runtime.said import bank, shop
from tests.runtime.tables import Account, Note, Order
from workers.operations import handlers as operating
from workers.operations import queries as operations
from workers.runtime.codes import Code
from workers.runtime.handlers import Handlers, Preparation, Queries
from workers.runtime.needs import rows, unique
from workers.runtime.reading import Reading
from workers.runtime.roster import Domain
from workers.runtime.saga import Saga, compensatable, pivot, retriable
from workers.runtime.unit_of_work import UnitOfWork

STEPS = 20
COMBINATION = "left-17-right-4-left-9"
CODE = Code(4, ("box", COMBINATION))


class Script:
    """What a test wants handlers to do besides, and what they have been asked to do."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Nothing, and nothing."""
        self.before: dict[type[Any], Callable[[Any, UnitOfWork], None]] = {}
        self.preparing: Callable[[Any], Awaitable[None]] | None = None
        self.handled: list[Any] = []
        self.prepared: list[str] = []
        self.secrets: list[str] = []

    def act(self, message: Any, uow: UnitOfWork) -> None:
        """Do what the test wants."""
        self.handled.append(message)
        if (also := self.before.get(type(message))) is not None:
            also(message, uow)

    def count(self, kind: type[Any]) -> int:
        """How often such a message was decided, be it for a batch that failed later."""
        return sum(isinstance(message, kind) for message in self.handled)


script = Script()
banking = Handlers("bank")
shopping = Handlers("shop")
reporting = Handlers("press")
collecting = Handlers("museum")
looking = Queries("bank")


@banking.command(bank.Deposit, needs=lambda c: [rows(Account, c.account)])
def deposit(command: bank.Deposit, uow: UnitOfWork) -> bank.AccountView:
    """Put money on an account."""
    script.act(command, uow)
    uow.emit(bank.Deposited(account=command.account, amount=command.amount))
    return _add(uow, command.account, command.amount)


@banking.command(bank.Move, needs=lambda c: [rows(Account, c.source, c.destination)])
def move(command: bank.Move, uow: UnitOfWork) -> bank.AccountView:
    """Write everything first, and refuse afterwards."""
    script.act(command, uow)
    uow.add(Note(uow.id("note"), "moved"))
    uow.emit(bank.Deposited(account=command.destination, amount=command.amount))
    _add(uow, command.destination, command.amount)
    source = uow.get(Account, command.source)
    if source.amount < command.amount:
        raise bank.TooLittle
    return _add(uow, command.source, -command.amount)


@banking.command(bank.Name, needs=lambda c: [unique(Account, name=c.name)])
def name(command: bank.Name, uow: UnitOfWork) -> bank.AccountView:
    """Unique by what was loaded and locked, not by the index."""
    script.act(command, uow)
    if uow.matching(Account, name=command.name):
        raise bank.NameTaken
    account = Account(uow.id("acc"), command.name, 0, 0)
    uow.add(account)
    return bank.AccountView(id=account.id)


@banking.command(bank.Sneak)
def sneak(command: bank.Sneak, uow: UnitOfWork) -> bank.AccountView:
    """Change what was not asked for."""
    script.act(command, uow)
    uow.save(Account(command.account, None, 1_000_000, 0))
    return bank.AccountView(id=command.account)


@banking.command(bank.Knock, needs_more=lambda _, caller, __: [rows(Account, caller.principal)])
def knock(command: bank.Knock, uow: UnitOfWork) -> bank.AccountView | Refusal:
    """Say no, and keep count of it."""
    script.act(command, uow)
    uow.emit(bank.Deposited(account=uow.caller.principal, amount=1))
    _add(uow, uow.caller.principal, 1)
    return bank.TooLittle(retry_after_seconds=7)


@banking.command(bank.RentBox)
def rent_box(command: bank.RentBox, uow: UnitOfWork) -> bank.BoxView | Refusal:
    """Show what only the tenant may see."""
    script.act(command, uow)
    view = _box(uow, uow.id("box"))
    return bank.TooLittle() if command.poor else view


@banking.command(bank.CutBox)
def cut_box(command: bank.CutBox, uow: UnitOfWork) -> bank.BoxView:
    """Likewise."""
    script.act(command, uow)
    return _box(uow, command.box)


def _box(uow: UnitOfWork, key: str) -> bank.BoxView:
    uow.reveal(combination=COMBINATION, code=CODE)
    return bank.BoxView(id=key)


@banking.command(bank.Overdraw, needs=lambda c: [rows(Account, c.account)])
def overdraw(command: bank.Overdraw, uow: UnitOfWork) -> bank.AccountView:
    """Write what the database refuses."""
    script.act(command, uow)
    return _add(uow, command.account, -1_000_000)


@banking.command(bank.Reserve, needs=lambda c: [rows(Account, c.account), rows(Order, f"res_{c.order}")])
def reserve(command: bank.Reserve, uow: UnitOfWork) -> bank.AccountView:
    """Set money aside."""
    script.act(command, uow)
    earlier = uow.find(Order, f"res_{command.order}")
    if earlier is not None and earlier.status == "freed":
        raise bank.AlreadyFreed
    assert earlier is None, "reserved twice"
    account = uow.get(Account, command.account)
    if account.amount < command.amount:
        raise bank.TooLittle
    uow.add(Order(f"res_{command.order}", "reserved", command.amount))
    uow.save(account._replace(amount=account.amount - command.amount, reserved=account.reserved + command.amount))
    return bank.AccountView(id=account.id)


@banking.command(bank.Free, needs=lambda c: [rows(Account, c.account), rows(Order, f"res_{c.order}")])
def free(command: bank.Free, uow: UnitOfWork) -> bank.AccountView:
    """Idempotent, and leaves a tombstone if it comes first."""
    script.act(command, uow)
    held = uow.find(Order, f"res_{command.order}")
    if held is None:
        uow.add(Order(f"res_{command.order}", "freed", 0))
    elif held.status == "paid":
        raise bank.AlreadyPaid
    elif held.status == "reserved":
        account = uow.get(Account, command.account)
        back = account._replace(amount=account.amount + held.amount, reserved=account.reserved - held.amount)
        uow.save(back)
        uow.save(held._replace(status="freed"))
    return bank.AccountView(id=command.account)


@banking.command(bank.Pay, needs=lambda c: [rows(Account, c.account), rows(Order, f"res_{c.order}")])
def pay(command: bank.Pay, uow: UnitOfWork) -> bank.AccountView:
    """The money is gone."""
    script.act(command, uow)
    held, account = uow.get(Order, f"res_{command.order}"), uow.get(Account, command.account)
    assert held.status == "reserved", f"it is {held.status}"
    uow.save(held._replace(status="paid"))
    uow.save(account._replace(reserved=account.reserved - held.amount))
    return bank.AccountView(id=account.id)


async def prepared(command: Any, preparation: Preparation) -> str:
    """Ask a provider that isn't there."""
    script.prepared.append(preparation.message_id)
    if script.preparing is not None:
        await script.preparing(command)
    else:
        await asyncio.sleep(0)
    return f"for {preparation.message_id}"


@banking.command(bank.Charge, needs=lambda c: [rows(Account, c.account)], prepare=prepared)
def charge(command: bank.Charge, uow: UnitOfWork) -> bank.AccountView:
    """Deposit what the provider gave."""
    script.act(command, uow)
    assert uow.prepared == f"for {uow.message_id}"
    return _add(uow, command.account, command.amount)


@banking.command(bank.Whisper, needs=lambda c: [rows(Account, c.account)], prepare=prepared)
def whisper(command: bank.Whisper, uow: UnitOfWork) -> bank.AccountView:
    """Hear the secret."""
    script.act(command, uow)
    script.secrets.append(command.secret)
    return _add(uow, command.account, 1)


@looking.query(bank.GetAccount)
async def get_account(query: bank.GetAccount, reading: Reading) -> bank.AccountView:
    """One account."""
    found = await reading.row(select(tables.accounts).where(tables.accounts.c.id == query.account))
    return bank.AccountView(id=query.account, amount=found.amount if found else 0)


def _add(uow: UnitOfWork, key: str, amount: int) -> bank.AccountView:
    account = uow.find(Account, key)
    if account is None:
        account = Account(key, None, amount, 0)
        uow.add(account)
    else:
        account = account._replace(amount=account.amount + amount)
        uow.save(account)
    return bank.AccountView(id=key, amount=account.amount)


class Fulfil(Saga):
    """Reserve, pay, ship."""

    starts_on = shop.OrderPlaced
    deadline = timedelta(minutes=5)

    order: str
    account: str
    amount: int

    @compensatable
    def reserve(self) -> bank.Reserve:
        """Set the money aside."""
        return bank.Reserve(order=self.order, account=self.account, amount=self.amount)

    @reserve.undo
    def free(self) -> bank.Free:
        """Give it back."""
        return bank.Free(order=self.order, account=self.account)

    @pivot
    def pay(self) -> bank.Pay:
        """Take it."""
        return bank.Pay(order=self.order, account=self.account)

    @retriable
    def ship(self) -> shop.Ship:
        """Say so."""
        return shop.Ship(order=self.order)

    def on_failure(self, problem: Problem) -> Command[Any]:
        """Say that it was not."""
        return shop.Cancel(order=self.order, code=problem.code)


@shopping.command(shop.Order, finished_by=Fulfil)
def order(command: shop.Order, uow: UnitOfWork) -> shop.OrderView:
    """Take the order."""
    script.act(command, uow)
    placed = Order(uow.id("ord"), "placed", command.amount)
    uow.add(placed)
    uow.emit(shop.OrderPlaced(order=placed.id, account=command.account, amount=command.amount))
    return shop.OrderView(id=placed.id, status="placed")


@shopping.command(shop.Ship, needs=lambda c: [rows(Order, c.order)])
def ship(command: shop.Ship, uow: UnitOfWork) -> shop.OrderView:
    """It is paid."""
    script.act(command, uow)
    return _becomes(uow, command.order, "shipped")


@shopping.command(shop.Cancel, needs=lambda c: [rows(Order, c.order)])
def cancel(command: shop.Cancel, uow: UnitOfWork) -> shop.OrderView:
    """It is not."""
    script.act(command, uow)
    return _becomes(uow, command.order, "canceled")


def _becomes(uow: UnitOfWork, key: str, status: str) -> shop.OrderView:
    changed = uow.get(Order, key)._replace(status=status)
    uow.save(changed)
    return shop.OrderView(id=key, status=status)


class Furnish(Saga):
    """Have a safe box made."""

    starts_on = shop.BoxOrdered
    deadline = timedelta(minutes=5)

    box: str

    @pivot
    def cut(self) -> bank.CutBox:
        """By the bank."""
        return bank.CutBox(box=self.box)


@shopping.command(shop.OrderBox, finished_by=Furnish)
def order_box(command: shop.OrderBox, uow: UnitOfWork) -> bank.BoxView:
    """Take the order."""
    script.act(command, uow)
    uow.emit(shop.BoxOrdered(box=uow.id("box")))
    return bank.BoxView(id=uow.id("box"))


class Wander(Saga):
    """A saga of more steps than a batch has rounds."""

    starts_on = shop.WalkBegun
    deadline = timedelta(minutes=5)

    account: str
    number: int = 0


def _wandering(number: int) -> Any:
    def step(self: Wander) -> shop.Step:
        return shop.Step(account=self.account, number=number)

    step.__name__ = f"step{number}"
    return retriable(step)


Wandering = type(
    "Wandering",
    (Wander,),
    {"__module__": __name__, "starts_on": shop.WalkBegun, **{f"step{n}": _wandering(n) for n in range(STEPS)}},
)


@shopping.command(shop.Walk, finished_by=Wandering)
def walk(command: shop.Walk, uow: UnitOfWork) -> shop.OrderView:
    """Start to walk."""
    script.act(command, uow)
    uow.emit(shop.WalkBegun(account=command.account))
    return shop.OrderView(id=command.account, status="walking")


@shopping.command(shop.Step, needs=lambda c: [rows(Account, c.account)])
def step(command: shop.Step, uow: UnitOfWork) -> shop.OrderView:
    """Count."""
    script.act(command, uow)
    _add(uow, command.account, 1)
    return shop.OrderView(id=command.account, status=str(command.number))


@reporting.reaction(bank.Deposited)
def report(event: bank.Deposited, uow: UnitOfWork) -> None:
    """Write it down."""
    script.act(event, uow)
    uow.add(Note(uow.id("press"), f"{event.account} {event.amount}"))


@reporting.reaction(shop.OrderPlaced)
def report_order(event: shop.OrderPlaced, uow: UnitOfWork) -> None:
    """Likewise."""
    uow.add(Note(uow.id("press"), f"order {event.order}"))


@collecting.reaction(bank.Deposited)
def collect(event: bank.Deposited, uow: UnitOfWork) -> None:
    """Keep it."""
    uow.add(Note(uow.id("museum"), f"{event.account} {event.amount}"))


DOMAINS = {
    "bank": Domain(banking, looking),
    "shop": Domain(shopping, sagas=(Fulfil, Furnish, Wandering)),
    "press": Domain(reporting),
    "museum": Domain(collecting),
    "operations": Domain(operating.handlers, operations.queries),
}
SUBSCRIPTIONS = {
    "press": (bank.Deposited.wire_name, shop.OrderPlaced.wire_name),
    "museum": (bank.Deposited.wire_name,),
}
WHOLE = Topology(tuple(DOMAINS), SUBSCRIPTIONS)
assert not set(DOMAINS) & (set(topology.DOMAINS) - {"operations"}), "the tests' domains are their own"
