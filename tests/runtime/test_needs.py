"""What handlers need is locked first, in one order, and nothing else can be touched."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from contracts.envelope import Envelope
from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.patience import until
from tests.runtime.probe import Script
from tests.runtime.said.bank import Deposit, Move, Name, Reserve, Sneak
from tests.runtime.said.shop import Order
from tests.runtime.tables import Account
from tests.runtime.tables import Order as StoredOrder
from workers.runtime.delivery import LOCK_TRIES_ALONE_MAX, LOCK_TRIES_MAX
from workers.runtime.loading import load
from workers.runtime.needs import Need, matching, rows, unique
from workers.runtime.telemetry import metrics
from workers.runtime.unit_of_work import UnitOfWork, World

NOW = datetime.now(UTC)

ADVISORY_LOCKS = (
    "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)


async def test_one_select_per_table_in_one_order_of_tables_and_rows(desk: Desk, books: Books) -> None:
    await books.put("a", 100)
    await desk.do(Deposit(account="a", amount=1))
    reserve = Envelope("msg_1", Reserve.wire_name, Reserve(order="o", account="a", amount=1), saga="sag_1")
    async with desk.statements() as statements:
        await desk.deliver(reserve, said(Move(source="z", destination="b", amount=1)))
    selects = [statement for statement in statements if "FOR NO KEY UPDATE" in statement]
    assert [statement.split(" FROM ")[1].split()[0] for statement in selects] == ["probe.accounts", "probe.orders"]
    assert all("ORDER BY t.id FOR NO KEY UPDATE" in statement for statement in selects)


async def test_rows_asked_for_by_key_and_by_value_are_locked_by_one_statement_in_order(
    desk: Desk, books: Books
) -> None:
    await books.connection.execute(
        "INSERT INTO probe.accounts VALUES ('a', 'x', 1, 0), ('b', NULL, 1, 0), ('c', 'y', 1, 0)"
    )
    needs: list[Need] = [rows(Account, "b", "none"), matching(Account, name="y"), matching(Account, name="x")]
    world = World(NOW)
    async with desk.statements() as statements, desk.database.opening() as (connection, begun):
        await begun
        await load(connection, world, needs)
        locked = [account for account in world.entities[Account].values() if account is not None]
        assert sorted(account.id for account in locked) == ["a", "b", "c"]
        assert world.entities[Account]["none"] is None
    assert [statement.split()[0] for statement in statements] == ["BEGIN", "SELECT", "COMMIT"]


async def test_no_order_of_asking_changes_the_order_of_locking(desk: Desk) -> None:
    orders, accounts = rows(StoredOrder, "o"), rows(Account, "a")
    names: list[Need] = [unique(Account, name="x"), unique(Account, name="y"), unique(Account, name="z")]

    async def locked(*needs: Need) -> list[tuple[str, Any]]:
        seen: list[tuple[str, Any]] = []

        def note(query: Any) -> None:
            seen.append((query.query, query.args))

        connection: Any
        async with desk.database.transaction() as connection:
            with connection.query_logger(note):
                await load(connection, World(NOW), list(needs))
        return [(query, args) for query, args in seen if "advisory" in query or "FOR NO KEY UPDATE" in query]

    one, other = await locked(orders, accounts, *names), await locked(*reversed(names), accounts, orders)
    assert one == other
    assert ["advisory" in query for query, _ in one] == [True, False, False]


async def test_two_workers_that_lock_crosswise_both_go_on(desks: Callable[..., Desk], books: Books) -> None:
    for account in "abcdef":
        await books.put(account, 1000)
    one, other = desks(), desks()
    there = [Move(source=s, destination=d, amount=1) for s, d in zip("abcdef", "bcdefa", strict=True)]
    back = [Move(source=d, destination=s, amount=1) for s, d in zip("abcdef", "bcdefa", strict=True)]

    async def hammer(desk: Desk, moves: list[Move]) -> None:
        for n in range(15):
            await desk.deliver(*(said(move) for move in (moves if n % 2 else moves[::-1])))
            assert {answer.status for answer in desk.answers().values()} == {"succeeded"}

    await asyncio.gather(hammer(one, there), hammer(other, back))
    assert await books.value("SELECT sum(amount) FROM probe.accounts") == 6000
    assert not one.bus.letters
    assert not [post for post in one.bus.posts + other.bus.posts if post.delay_seconds], "nothing counted as a failure"


async def test_sagas_that_lock_crosswise_in_later_rounds_go_on_with_everything_locked_up_front(
    desks: Callable[..., Desk], books: Books
) -> None:
    """The first rounds lock the orders' own rows, the next ones the accounts, in opposite orders."""
    for account in "ab":
        await books.put(account, 1000)
    one, other = desks(), desks()

    async def hammer(desk: Desk, accounts: str) -> None:
        for _ in range(10):
            for account in accounts:
                await desk.deliver(said(Order(account=account, amount=1)), said(Deposit(account=accounts[0], amount=1)))

    await asyncio.gather(hammer(one, "ab"), hammer(other, "ba"))
    assert await books.value("SELECT sum(amount) FROM probe.accounts") == 2000
    assert await books.rows("SELECT DISTINCT status FROM runtime.operations") == [("succeeded",)]


async def test_the_second_try_locks_everything_up_front(desk: Desk, books: Books) -> None:
    """The first one needs the order's account only in its third round; the next try asks for both at once."""
    for account in ("early", "late"):
        await books.put(account, 10)
    batch = said(Deposit(account="early", amount=1)), said(Order(account="late", amount=1))
    async with desk.statements() as statements:
        async with books.connection.transaction():
            await books.connection.execute("SELECT 1 FROM probe.accounts WHERE id = 'late' FOR UPDATE")
            delivering = asyncio.create_task(desk.deliver(*batch))
            await until(lambda: statements.count("BEGIN") >= 2)
        await delivering
    log = "".join("S" if "FROM probe.accounts" in one else "|" if one == "BEGIN" else "" for one in statements)
    first, *others = log.strip("|").split("|")
    assert first == "SS"
    assert set(others) == {"S"}
    assert (await books.amount("early"), await books.amount("late")) == (11, 9)


async def test_a_lock_that_somebody_keeps_is_no_failure(desk: Desk, books: Books) -> None:
    await books.put("a", 100)
    await books.put("b", 100)
    locked, free = said(Deposit(account="a", amount=1)), said(Deposit(account="b", amount=1))
    async with books.connection.transaction():
        await books.connection.execute("SELECT 1 FROM probe.accounts WHERE id = 'a' FOR UPDATE")
        await desk.deliver(locked, free)
        assert await books.amount("b") == 101, "its neighbour is not held up"
    [post] = [post for post in desk.bus.take() if post.delay_seconds]
    assert (post.exchange, post.key, post.envelope.id) == ("saldo.delay", "bank.commands", locked.id)
    assert post.envelope.attempt == 0, "this attempt does not count"
    await desk.deliver(post.envelope)
    assert await books.amount("a") == 101


async def test_a_unique_name_is_given_once_in_a_batch(desk: Desk) -> None:
    answers = await desk.deliver(*(said(Name(name="x"), id=f"op_{n}") for n in range(3)))
    assert [answers[f"op_{n}"].status for n in range(3)] == ["succeeded", "failed", "failed"]
    assert {answers[f"op_{n}"].problem.code for n in (1, 2)} == {"name_taken"}  # type: ignore[union-attr]


async def test_a_unique_name_is_given_once_by_two_workers(desks: Callable[..., Desk], books: Books) -> None:
    one, other = desks(), desks()
    for n in range(20):
        await asyncio.gather(one.do(Name(name=f"n{n}")), other.do(Name(name=f"n{n}")))
    statuses = await books.rows(
        "SELECT status, problem->>'code', count(*) FROM runtime.operations GROUP BY 1, 2 ORDER BY 1"
    )
    assert statuses == [("failed", "name_taken", 20), ("succeeded", None, 20)]


async def test_whoever_asks_for_a_name_waits_for_who_came_first(desk: Desk, books: Books) -> None:
    """The advisory lock, not the unique index, keeps others from deciding on what they can't see yet."""
    async with desk.database.transaction() as connection:
        await load(connection, World(NOW), [matching(Account, name="y")])
        assert await books.value(ADVISORY_LOCKS) == 0
        await load(connection, World(NOW), [unique(Account, name="x")])
        assert await books.value(ADVISORY_LOCKS) == 1


async def test_an_account_that_was_not_asked_for_can_not_be_changed(desk: Desk, books: Books) -> None:
    await books.put("a", 1)
    await desk.deliver(said(Sneak(account="a")))
    assert await books.amount("a") == 1
    [post] = desk.bus.take()
    assert post.delay_seconds, "it is a bug, so it is tried again and buried at last"


async def test_nor_looked_at(desk: Desk, books: Books, script: Script) -> None:
    await books.put("b", 1)

    def look(_command: Deposit, uow: UnitOfWork) -> None:
        uow.find(Account, "b")

    script.before[Deposit] = look
    await desk.deliver(said(Deposit(account="a", amount=1)))
    [post] = desk.bus.take()
    assert post.delay_seconds


async def test_needs_that_raise_are_that_messages_failure_alone(desk: Desk, books: Books) -> None:
    good, bad = said(Deposit(account="a", amount=1)), said(Deposit(account="bad", amount=1))

    def needs(command: Deposit) -> list[Need]:
        if command.account == "bad":
            raise ZeroDivisionError
        return [rows(Account, command.account)]

    works = [desk.work(good), desk.work(bad)]
    for work in works:
        work.handler = replace(work.handler, needs=needs)
    await desk.delivery.deliver(works)
    assert await books.amount("a") == 1
    [post] = [post for post in desk.bus.take() if post.delay_seconds]
    assert post.envelope.id == bad.id


async def test_a_key_that_no_column_can_hold_is_that_messages_failure_alone(desk: Desk, books: Books) -> None:
    """It says something about the message, not about the database."""
    bad = [Deposit(account="b", amount=2**70), Deposit(account="nul\0", amount=1)]
    await desk.deliver(said(Deposit(account="a", amount=1)), *map(said, bad))
    assert await books.amount("a") == 1
    assert len([post for post in desk.bus.take() if post.delay_seconds]) == 2


async def test_one_lock_that_somebody_keeps_holds_up_the_others_for_a_moment_only(desk: Desk, books: Books) -> None:
    await books.put("locked", 1)
    locked, free = said(Deposit(account="locked", amount=1)), said(Deposit(account="free", amount=1))
    waits = metrics.contention.labels("LockNotAvailableError")
    before = waits._value.get()
    async with books.connection.transaction():
        await books.connection.execute("SELECT 1 FROM probe.accounts WHERE id = 'locked' FOR UPDATE")
        await desk.deliver(locked, free)
    assert waits._value.get() - before == LOCK_TRIES_MAX + LOCK_TRIES_ALONE_MAX
    assert await books.amount("free") == 1
    [later] = [post for post in desk.bus.posts if post.delay_seconds]
    assert (later.envelope.id, later.envelope.attempt) == (locked.id, 0), "uncounted"
