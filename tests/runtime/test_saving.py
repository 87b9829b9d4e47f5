"""What is saved is what was meant, whatever is in it, and whichever part of a batch changed it last."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.network import Network
from tests.runtime.probe import Script
from tests.runtime.said.bank import Move, Pay
from tests.runtime.said.shop import Order
from tests.runtime.tables import Account
from workers.runtime.loading import load
from workers.runtime.needs import rows
from workers.runtime.pipeline import parts_of
from workers.runtime.saving import save
from workers.runtime.unit_of_work import World

MANY = 140
"""Messages in several parts."""

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NAMES = ["plain", "", None, "a\x1fb", "\x1e", "\x1e\x1f", " ", "é中🙂", "'\"\\;--", "NULL", "{}", "line\nbreak\ttab"]
AMOUNTS = [0, 1, 2**63 - 1]


@pytest.mark.parametrize("names", [*([name] for name in NAMES), NAMES, NAMES[:3]], ids=repr)
async def test_every_text_and_number_arrives_as_it_is(desk: Desk, names: list[str | None]) -> None:
    meant = [Account(f"a{n}", name, AMOUNTS[n % len(AMOUNTS)], n) for n, name in enumerate(names)]
    world = World(NOW)
    for account in meant:
        world.insert(account)
    async with desk.database.transaction() as connection:
        await save(connection, world.take_all())
        found = World(NOW)
        await load(connection, found, [rows(Account, *(account.id for account in meant))])
        assert [found.entities[Account][account.id] for account in meant] == meant
        for account in meant:
            world.update(account._replace(amount=5))
        await save(connection, world.take_all())
        assert await connection.fetchval("SELECT sum(amount) FROM probe.accounts") == 5 * len(meant)


async def test_a_change_of_a_row_that_is_not_there_is_not_half_a_save(desk: Desk, books: Books) -> None:
    world = World(NOW)
    world.update(Account("ghost", None, 1, 0))
    world.insert(Account("new", None, 1, 0))
    with pytest.raises(AssertionError, match="missed its row"):
        await _save(desk, world)
    assert await books.amount("new") is None


async def test_nobody_inserts_what_is_there_already() -> None:
    world = World(NOW)
    world.insert(Account("a", None, 1, 0))
    with pytest.raises(AssertionError, match="there already"):
        world.insert(Account("a", None, 2, 0))


async def _save(desk: Desk, world: World) -> None:
    async with desk.database.transaction() as connection:
        await save(connection, world.take_all())


@pytest.mark.parametrize("count", [0, 1, 2, 17, 128, 257, 1000])
def test_parts_are_of_about_equal_size_and_leave_nothing_out(count: int) -> None:
    works: list[Any] = list(range(count))
    parts = list(parts_of(works))
    assert [work for part in parts for work in part] == works
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


async def test_a_row_that_several_parts_change_is_saved_in_its_newest_state(desk: Desk, books: Books) -> None:
    chance, held = random.Random(5), {"a": 1000, "b": 1000, "c": 1000}
    for account, amount in held.items():
        await books.put(account, amount)
    moves = []
    for _ in range(MANY):
        source, destination = chance.sample("abc", 2)
        amount = chance.randint(1, 9)
        held[source] -= amount
        held[destination] += amount
        moves.append(said(Move(source=source, destination=destination, amount=amount)))
    answers = await desk.deliver(*moves)
    assert {answer.status for answer in answers.values()} == {"succeeded"}
    assert {account: await books.amount(account) for account in held} == held


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
async def test_sagas_of_many_parts_end_in_one_batch(desks: Callable[..., Desk], books: Books, *, apart: bool) -> None:
    desk = desks("bank", "shop")
    accounts = [f"a{n}" if apart else "a" for n in range(MANY)]
    for account in set(accounts):
        await books.put(account, 1000)
    answers = await desk.deliver(*(said(Order(account=account, amount=7)) for account in accounts))
    assert {answer.status for answer in answers.values()} == {"succeeded"}
    assert await books.rows("SELECT DISTINCT phase, timer_id FROM runtime.sagas") == [("completed", None)]
    assert await books.count("runtime.timers") == 0
    left = await books.value("SELECT sum(amount) FROM probe.accounts")
    assert left == 1000 * len(set(accounts)) - 7 * len(accounts)


async def test_of_many_sagas_that_go_on_each_has_its_one_timer(desks: Callable[..., Desk], books: Books) -> None:
    desk, bank = desks("shop"), desks("bank")
    for n in range(MANY):
        await books.put(f"a{n}", 1000)
    await desk.deliver(*(said(Order(account=f"a{n}", amount=7)) for n in range(MANY)))
    for sender, recipient, queue in ((desk, bank, "bank.commands"), (bank, desk, "shop.commands")):
        carried = [post.envelope for post in sender.bus.take() if post.key == queue]
        assert len(carried) == MANY
        await recipient.deliver(*carried, queue=queue)
    theirs = "SELECT count(*) FROM runtime.sagas AS s JOIN runtime.timers AS t ON t.id = s.timer_id"
    assert await books.value(theirs) == MANY
    assert await books.count("runtime.timers") == MANY


async def test_what_fails_while_an_earlier_part_is_being_saved_fails_alone(
    desks: Callable[..., Desk], books: Books, script: Script
) -> None:
    def explode(command: Pay, _uow: Any) -> None:
        if command.account == "last":
            raise ZeroDivisionError

    desk = desks("bank", "shop")
    script.before[Pay] = explode
    count = MANY
    for account in ("a", "last"):
        await books.put(account, 1000)
    await desk.deliver(*(said(Order(account=account, amount=7)) for account in [*["a"] * count, "last"]))
    assert await books.rows("SELECT phase, count(*) FROM runtime.sagas GROUP BY 1") == [("completed", count)]
    assert await books.amount("a") == 1000 - 7 * count
    script.clear()
    await Network(desk).settle()
    assert await books.rows("SELECT phase, count(*) FROM runtime.sagas GROUP BY 1") == [("completed", count + 1)]
    assert await books.amount("last") == 1000 - 7
