"""What a handler wants to be done later is done once, when it is due, unless it is forgotten before."""

from datetime import timedelta

import pytest

from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.probe import Script
from tests.runtime.said.bank import Deposit, Free
from workers.runtime.unit_of_work import UnitOfWork

LATER = Free(order="o", account="a")


@pytest.fixture
def kept(script: Script) -> list[str]:
    """The timers that a deposit has set."""
    timers: list[str] = []

    def later(_command: Deposit, uow: UnitOfWork) -> None:
        timers.append(uow.later(LATER, uow.now + timedelta(days=7)))

    script.before[Deposit] = later
    return timers


async def test_a_timer_sends_its_command_once_when_it_is_due(desk: Desk, books: Books, kept: list[str]) -> None:
    envelope = said(Deposit(account="a", amount=1))
    await desk.deliver(envelope)
    desk.bus.take()
    await desk.upkeep.fire_timers()
    assert desk.bus.take() == []
    await books.connection.execute("UPDATE runtime.timers SET due_at = now()")
    await desk.upkeep.fire_timers()
    await desk.upkeep.fire_timers()
    [post] = desk.bus.take()
    assert post.key == "bank.commands"
    assert (post.envelope.id, post.envelope.operation) == (kept[-1], envelope.operation)
    assert (post.envelope.type, post.envelope.caller) == (LATER.wire_name, None)
    assert await books.count("runtime.timers") == 0


async def test_what_is_forgotten_is_not_sent(desk: Desk, books: Books, script: Script, kept: list[str]) -> None:
    await desk.do(Deposit(account="a", amount=1))

    def forget(_command: Deposit, uow: UnitOfWork) -> None:
        uow.forget(kept[-1])

    script.before[Deposit] = forget
    await desk.do(Deposit(account="a", amount=1))
    assert await books.count("runtime.timers") == 0
    await desk.do(Deposit(account="a", amount=1))


async def test_a_refusal_sets_no_timer(desk: Desk, books: Books, script: Script) -> None:
    def refuse(_command: Deposit, uow: UnitOfWork) -> None:
        uow.forget(uow.later(LATER, uow.now))

    script.before[Deposit] = refuse
    await desk.do(Deposit(account="a", amount=1))
    assert await books.count("runtime.timers") == 0
