"""Operators at sagas: retry and compensate, once or twice, in any state, raced against the saga itself."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.operations import CompensateSaga, RetrySaga
from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.network import Network
from tests.runtime.probe import Script
from tests.runtime.said.bank import AlreadyPaid, Free, Pay, Reserve
from tests.runtime.said.shop import Order, Ship

ORDER = Order(account="a", amount=30)
DONE, UNDONE = (70, "shipped", "completed", "succeeded"), (100, "canceled", "failed", "failed")


class Floor:
    """The bank, the shop and the operators, each in a process of its own."""

    def __init__(self, desks: Callable[..., Desk], books: Books) -> None:
        self.bank, self.shop, self.office = desks("bank"), desks("shop"), desks("operations")
        self.network = Network(self.bank, self.shop, self.office)
        self.books = books
        self.order = said(ORDER)

    async def begin(self) -> Any:
        """An account with 100, and an order that has asked for its first step."""
        await self.books.put("a", 100)
        await self.network.send(self.order)
        [post] = [post for post in self.network.take() if post.exchange != "saldo.events"]
        assert post.envelope.type == Reserve.wire_name
        return post

    async def step(self, post: Any) -> Any:
        """Carry this question, and its answer to the shop: the next question."""
        await self.network.carry(post)
        [answer] = self.network.take()
        await self.network.carry(answer)
        [following] = self.network.take()
        return following

    async def act(self, kind: type[Any], desk: Desk | None = None) -> str:
        """Retry or compensate the saga: what it is then, or the code of what was in the way."""
        name = (await self.books.saga())["id"]
        reply = await (desk or self.office).do(kind(saga_id=name, reason="Somebody called."))
        return reply.problem.code if reply.problem else (reply.result or {})["status"]

    async def fire(self) -> None:
        """What is due now is published, and nothing else."""
        await self.bank.upkeep.fire_timers()

    async def move(self) -> None:
        """Carry what is on its way now."""
        for post in self.network.take():
            await self.network.carry(post)

    async def run(self) -> None:
        """Timers that are due, and everything that follows."""
        await self.fire()
        await self.network.settle()

    async def outcome(self) -> tuple[Any, ...]:
        """What is left on the account, and how the order, the saga and the operation ended."""
        operation = await self.books.operation(self.order.id)
        return (
            await self.books.value("SELECT amount + reserved FROM probe.accounts"),
            await self.books.value("SELECT status FROM probe.orders WHERE id LIKE 'ord%'"),
            (await self.books.saga())["phase"],
            operation,
        )

    async def says(self) -> list[tuple[str, str | None]]:
        """What happened to the saga, and by whom."""
        return [(entry["what"], entry.get("by")) for entry in (await self.books.saga())["history"]]


@pytest.fixture
def floor(desks: Callable[..., Desk], books: Books) -> Floor:
    return Floor(desks, books)


async def test_a_retry_asks_the_same_question_now(floor: Floor) -> None:
    lost = await floor.begin()
    await floor.fire()
    assert floor.network.take() == [], "its own timer is not due for long"
    assert await floor.act(RetrySaga) == "running"
    await floor.fire()
    [wake] = floor.network.take()
    await floor.network.carry(wake)
    [again] = floor.network.take()
    assert again.envelope.id == lost.envelope.id
    assert again.envelope.operation == lost.envelope.operation == floor.order.id
    assert again.envelope.caller == lost.envelope.caller
    await floor.network.carry(again)
    await floor.network.settle()
    assert await floor.outcome() == DONE
    assert ("retried", "usr_test") in await floor.says()


async def test_a_retry_that_is_clicked_twice_does_nothing_twice(floor: Floor, script: Script) -> None:
    lost = await floor.begin()
    for _ in range(3):
        assert await floor.act(RetrySaga) == "running"
    await floor.network.carry(lost)
    await floor.run()
    assert await floor.outcome() == DONE
    assert script.count(Pay) == script.count(Ship) == 1
    assert await floor.act(RetrySaga) == "saga_ended"


async def test_compensating_undoes_what_is_in_flight(floor: Floor) -> None:
    late = await floor.begin()
    assert await floor.act(CompensateSaga) == "undoing"
    assert await floor.act(CompensateSaga) == "undoing", "a second click changes nothing"
    await floor.run()
    assert await floor.outcome() == UNDONE
    await floor.network.carry(late)
    await floor.network.settle()
    assert await floor.outcome() == UNDONE, "what comes after its undo finds it undone"
    assert await floor.act(CompensateSaga) == "failed"
    problem = "SELECT problem->>'code' FROM runtime.operations WHERE id = $1"
    assert await floor.books.value(problem, floor.order.id) == "compensated_by_operator"
    assert [what for what, by in await floor.says() if by == "usr_test"] == ["compensated"]


async def test_there_is_no_way_back_after_the_pivot_was_sent(floor: Floor) -> None:
    pay = await floor.step(await floor.begin())
    assert pay.envelope.type == Pay.wire_name
    assert await floor.act(CompensateSaga) == "pivot_passed"
    await floor.network.carry(pay)
    await floor.network.settle()
    assert await floor.outcome() == DONE
    assert await floor.act(CompensateSaga) == "pivot_passed"


async def test_what_got_stuck_goes_on_where_it_stuck(floor: Floor, script: Script) -> None:
    def refuse(*_: Any) -> None:
        raise AlreadyPaid

    script.before[Free] = refuse
    lost = await floor.begin()
    assert await floor.act(CompensateSaga) == "undoing"
    with capture_logs() as logged:
        await floor.run()
    assert (await floor.books.saga())["phase"] == "stuck"
    assert [one["saga"] for one in logged if one["event"] == "saga_stuck"] == [(await floor.books.saga())["id"]]
    assert await floor.act(CompensateSaga) == "undo_stuck"
    await floor.run()
    script.clear()
    assert await floor.act(RetrySaga) == "undoing"
    assert await floor.act(RetrySaga) == "undoing"
    await floor.run()
    await floor.network.carry(lost)
    await floor.network.settle()
    assert await floor.outcome() == UNDONE
    assert script.count(Free) == 1


async def test_a_saga_at_a_step_that_there_is_no_more_is_not_known(floor: Floor) -> None:
    await floor.begin()
    gone = "UPDATE runtime.sagas SET progress = jsonb_set(progress::jsonb, '{step}', '\"gone\"')::json"
    await floor.books.connection.execute(gone)
    assert await floor.act(CompensateSaga) == "saga_unknown"


async def test_a_saga_that_is_not_there_is_not_found(floor: Floor) -> None:
    for kind in (RetrySaga, CompensateSaga):
        reply = await floor.office.do(kind(saga_id="sag_nobody", reason="Why not."))
        assert reply.problem is not None
        assert reply.problem.code == "not_found"


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_an_operator_does_meanwhile_all_is_done_or_all_undone(
    floor: Floor, desks: Callable[..., Desk], script: Script, seed: int
) -> None:
    chance = Random(seed)
    other = desks("operations")
    await floor.books.put("a", 100)
    await floor.network.send(floor.order)
    for _ in range(chance.randrange(2, 6)):
        kinds = [chance.choice([RetrySaga, CompensateSaga]) for _ in range(2)]
        saga = (await floor.books.saga())["id"]
        acting = [
            desk.do(kind(saga_id=saga, reason="Impatience."))
            for kind, desk in zip(kinds, (floor.office, other), strict=True)
        ]
        await asyncio.gather(*acting, floor.move())
        await floor.fire()
    await floor.network.settle_by_chance(chance)
    for _ in range(5):
        await floor.network.wake()
        await floor.network.settle()
    assert await floor.outcome() in (DONE, UNDONE)
    assert await floor.books.value("SELECT reserved FROM probe.accounts") == 0
    assert script.count(Pay) <= 1


async def test_together_a_saga_that_waits_for_its_timer_is_retried(
    desks: Callable[..., Desk], books: Books, script: Script
) -> None:
    def explode(*_: Any) -> None:
        raise ZeroDivisionError

    desk = desks("bank", "shop", "operations")
    network = Network(desk)
    await books.put("a", 100)
    script.before[Pay] = explode
    order = said(ORDER)
    await network.send(order)
    await network.settle()
    script.clear()
    saga = (await books.saga())["id"]
    await desk.do(RetrySaga(saga_id=saga, reason="It is mended."))
    await desk.upkeep.fire_timers()
    await network.settle()
    assert await books.operation(order.id) == "succeeded"
