"""Sagas over the broker: whatever order, copies and delays there are, everything is done or everything undone."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from pydantic_core import from_json

from contracts.bus import NotSent, Unconfirmed
from contracts.envelope import Envelope
from contracts.operations import Reply
from tests.runtime.books import Books
from tests.runtime.desk import Desk, Outage, Post, said
from tests.runtime.network import Network
from tests.runtime.probe import Fulfil, Script
from tests.runtime.said.bank import Free, Pay, Reserve, TooLittle
from tests.runtime.said.shop import Cancel, Order, Ship
from workers.runtime import upkeep
from workers.runtime.orchestrator import WakeSaga

ORDER = Order(account="a", amount=30)


class Apart(Network):
    """The bank here, the shop there."""

    def __init__(self, desks: Callable[..., Desk], books: Books) -> None:
        self.bank, self.shop = desks("bank"), desks("shop")
        self.books = books
        super().__init__(self.bank, self.shop)

    async def begin(self) -> Post:
        """An account with 100, and an order whose first command has just left."""
        await self.books.put("a", 100)
        await self.send(said(ORDER))
        return self.only(Reserve)

    def only(self, kind: type[Any]) -> Post:
        """The one command that was published: one of this kind."""
        [post] = [post for post in self.take() if post.exchange != "saldo.events"]
        assert post.envelope.type == kind.wire_name
        return post

    async def late(self) -> None:
        """The deadline has passed."""
        await self.books.connection.execute("UPDATE runtime.sagas SET deadline_at = now() - interval '1 second'")

    async def outcome(self) -> tuple[int, str, str, str]:
        """What is left on the account, and how the order, the saga and the operation ended."""
        return (
            await self.books.value("SELECT amount + reserved FROM probe.accounts"),
            await self.books.value("SELECT status FROM probe.orders WHERE id LIKE 'ord%'"),
            await self.books.value("SELECT phase FROM runtime.sagas"),
            await self.books.value("SELECT status FROM runtime.operations"),
        )


DONE = (70, "shipped", "completed", "succeeded")
UNDONE = (100, "canceled", "failed", "failed")


@pytest.fixture
def apart(desks: Callable[..., Desk], books: Books) -> Apart:
    return Apart(desks, books)


async def test_an_open_saga_has_one_timer_and_an_ended_one_none(apart: Apart, books: Books) -> None:
    post = await apart.begin()
    saga = await books.saga()
    [(timer, queue, message)] = await books.rows("SELECT id, queue, message FROM runtime.timers")
    assert (saga["timer_id"], queue) == (timer, "shop.commands")
    assert from_json(message)["id"] == timer
    assert from_json(message)["body"] == {"saga_id": saga["id"]}
    await apart.carry(post)
    await apart.settle()
    assert await books.count("runtime.timers") == 0
    assert await apart.outcome() == DONE


async def test_the_outstanding_command_is_asked_again_under_the_same_id_through_the_broker(
    apart: Apart, books: Books
) -> None:
    lost = await apart.begin()
    await apart.wake()
    woken = apart.only(WakeSaga)
    await apart.carry(woken)
    again = apart.only(Reserve)
    assert (again.envelope.id, again.envelope.body) == (lost.envelope.id, lost.envelope.body)
    await apart.carry(again)
    await apart.settle()
    await apart.carry(lost)
    assert await books.amount("a") == 70
    assert await apart.outcome() == DONE


async def test_also_if_the_recipient_is_hosted_here(desk: Desk, books: Books, script: Script) -> None:
    """Only through the broker the inbox sees it: its first copy may have been handled by somebody else."""
    await books.put("a", 100)

    def explode(*_: Any) -> None:
        raise ZeroDivisionError

    script.before[Reserve] = explode
    network = Network(desk)
    await network.send(said(ORDER))
    [started] = [post for post in desk.bus.take() if post.exchange != "saldo.events"]
    await network.carry(started)
    script.clear()
    stuck = desk.bus.take()
    assert [post.envelope.type for post in stuck] == [Reserve.wire_name]
    await network.wake()
    [woken] = desk.bus.take()
    await network.carry(woken)
    assert script.count(Reserve) == 0
    [again] = desk.bus.take()
    for post in (again, *stuck):
        await network.carry(post)
    await network.settle()
    assert await books.amount("a") == 70
    assert (await books.saga())["phase"] == "completed"


async def test_a_timer_fires_once_even_if_its_message_comes_twice(apart: Apart, books: Books) -> None:
    await apart.begin()
    await apart.wake()
    woken = apart.only(WakeSaga)
    await apart.carry(woken)
    await apart.carry(woken)
    apart.only(Reserve)
    assert await books.count("runtime.timers") == 1
    assert [entry["what"] for entry in (await books.saga())["history"]] == ["started", "asked again"]


async def test_a_timer_that_was_published_but_not_deleted_is_recognised(apart: Apart, books: Books) -> None:
    """The crash between publishing and deleting: the same message is published again."""
    await apart.begin()
    [(name, *_, message)] = await books.rows("SELECT * FROM runtime.timers")
    await apart.wake()
    first = apart.only(WakeSaga)
    await apart.carry(first)
    apart.only(Reserve)
    again = "INSERT INTO runtime.timers VALUES ($1, now(), 'shop.commands', $2)"
    await books.connection.execute(again, name, message)
    await apart.shop.upkeep.fire_timers()
    second = apart.only(WakeSaga)
    assert second.envelope.id == first.envelope.id
    await apart.carry(second)
    assert not apart.take()


async def test_the_timer_of_an_earlier_step_wakes_nobody(apart: Apart) -> None:
    post = await apart.begin()
    await apart.wake()
    old = apart.only(WakeSaga)
    await apart.carry(post)
    await apart.carry(apart.only(Reply))
    pay = apart.only(Pay)
    await apart.carry(old)
    assert not apart.take()
    await apart.carry(pay)
    await apart.settle()
    assert await apart.outcome() == DONE


@pytest.mark.parametrize("timer_first", [False, True])
async def test_a_timer_asks_nothing_again_that_its_batch_asks_already(
    apart: Apart, books: Books, script: Script, *, timer_first: bool
) -> None:
    """What is handled in the same transaction leaves no claim, so a copy through the broker would be done again."""
    await apart.carry(await apart.begin())
    await apart.carry(apart.only(Reply))
    await apart.carry(apart.only(Pay))
    paid = apart.only(Reply)
    await apart.wake()
    batch = [paid.envelope, apart.only(WakeSaga).envelope]
    await apart.shop.deliver(*(reversed(batch) if timer_first else batch), queue=paid.key)
    await apart.settle()
    assert script.count(Ship) == 1
    assert await apart.outcome() == DONE
    assert await books.count("runtime.timers") == 0


async def test_timers_are_kept_while_the_broker_is_away(apart: Apart, books: Books) -> None:
    await apart.begin()
    apart.bank.bus.away = Outage()
    await apart.wake()
    assert await books.count("runtime.timers") == 1


@pytest.mark.parametrize("trouble", [NotSent(), Unconfirmed()], ids=lambda trouble: type(trouble).__name__)
async def test_timers_that_their_queue_does_not_take_hold_up_no_other(
    apart: Apart, books: Books, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    monkeypatch.setattr(upkeep, "TIMERS_MAX", 2)
    await apart.begin()
    strays = """
        INSERT INTO runtime.timers
        SELECT 'tim_' || n, now() - interval '1 day', 'gone.commands', '{}' FROM generate_series(1, 3) AS n
    """
    await books.connection.execute(strays)
    apart.bank.bus.deaf["gone.commands"] = trouble
    await apart.wake()
    apart.only(WakeSaga)
    assert await books.rows("SELECT id FROM runtime.timers ORDER BY id") == [("tim_1",), ("tim_2",), ("tim_3",)]


async def test_the_deadline_before_the_pivot_undoes_the_step_in_flight_too(apart: Apart, script: Script) -> None:
    in_flight = await apart.begin()
    await apart.late()
    await apart.wake()
    await apart.carry(apart.only(WakeSaga))
    undo = apart.only(Free)
    await apart.carry(undo)
    await apart.carry(in_flight)
    await apart.settle()
    assert await apart.outcome() == UNDONE
    assert [type(message) for message in script.handled] == [Order, Free, Reserve, Cancel]
    problem = await apart.books.value("SELECT problem->>'code' FROM runtime.operations")
    assert problem == "deadline_exceeded"


async def test_a_late_answer_is_recorded_and_ignored(apart: Apart, books: Books) -> None:
    in_flight = await apart.begin()
    await apart.carry(in_flight)
    late = apart.only(Reply)
    await apart.late()
    await apart.wake()
    await apart.carry(apart.only(WakeSaga))
    await apart.carry(late)
    undo = apart.only(Free)
    await apart.carry(undo)
    await apart.settle()
    assert await apart.outcome() == UNDONE
    history = [(entry["what"], entry["step"].partition(":")[0]) for entry in (await books.saga())["history"]]
    assert [what for what, _ in history] == ["started", "deadline", "ignored", "answered", "answered"]


async def test_somebody_elses_answer_is_ignored(apart: Apart, books: Books) -> None:
    await apart.begin()
    saga = await books.saga()
    foreign = Envelope(
        "msg_1", Reply.wire_name, Reply(status="succeeded", result={"id": "a"}), cause="msg_0", saga=saga["id"]
    )
    await apart.shop.deliver(foreign, queue="shop.commands")
    assert not apart.take()
    assert [entry["what"] for entry in (await books.saga())["history"]] == ["started", "ignored"]
    await apart.shop.deliver(foreign._replace(id="msg_2", saga="sag_unknown"), queue="shop.commands")


async def test_after_the_pivot_was_sent_silence_is_not_a_no(apart: Apart, script: Script) -> None:
    await apart.carry(await apart.begin())
    await apart.carry(apart.only(Reply))
    pay = apart.only(Pay)
    await apart.late()
    for _ in range(3):
        await apart.wake()
        await apart.carry(apart.only(WakeSaga))
        assert apart.only(Pay).envelope.id == pay.envelope.id
    await apart.carry(pay)
    await apart.settle()
    assert script.count(Free) == 0
    assert await apart.outcome() == DONE


async def test_only_the_pivots_refusal_leads_back(apart: Apart, script: Script) -> None:
    def refuse(*_: Any) -> None:
        raise TooLittle

    script.before[Pay] = refuse
    await apart.carry(await apart.begin())
    await apart.late()
    await apart.settle()
    assert await apart.outcome() == UNDONE
    assert [type(message) for message in script.handled] == [Order, Reserve, Pay, Free, Cancel]


async def test_the_last_word_waits_for_every_undo(apart: Apart, script: Script) -> None:
    def refuse(*_: Any) -> None:
        raise TooLittle

    script.before[Pay] = refuse
    await apart.carry(await apart.begin())
    await apart.carry(apart.only(Reply))
    await apart.carry(apart.only(Pay))
    await apart.carry(apart.only(Reply))
    undo = apart.only(Free)
    await apart.wake()
    await apart.carry(apart.only(WakeSaga))
    assert apart.only(Free).envelope.id == undo.envelope.id, "an undo is asked again too"
    assert script.count(Cancel) == 0
    await apart.carry(undo)
    await apart.settle()
    assert script.count(Cancel) == 1
    assert await apart.outcome() == UNDONE


async def test_a_refused_retriable_step_is_asked_again_by_the_timer_with_a_new_id(
    apart: Apart, books: Books, script: Script
) -> None:
    def refuse(*_: Any) -> None:
        raise TooLittle

    script.before[Ship] = refuse
    await apart.carry(await apart.begin())
    await apart.settle()
    assert script.count(Ship) == 1, "not at once and for ever"
    saga = await books.saga()
    assert (saga["phase"], saga["awaited"]) == ("running", "ship:1")
    script.before.clear()
    await apart.wake()
    await apart.carry(apart.only(WakeSaga))
    again = apart.only(Ship)
    assert again.envelope.id == f"{saga['id']}:ship:1"
    await apart.carry(again)
    await apart.settle()
    assert await apart.outcome() == DONE


async def test_an_undo_that_is_refused_stops_and_waits_for_a_person(apart: Apart, books: Books) -> None:
    in_flight = await apart.begin()
    await apart.carry(in_flight)
    apart.take()
    await books.connection.execute("UPDATE probe.orders SET status = 'paid' WHERE id LIKE 'res%'")
    await apart.late()
    await apart.wake()
    await apart.settle()
    assert (await books.saga())["phase"] == "stuck"
    assert await books.count("runtime.timers") == 0
    assert await books.value("SELECT status FROM runtime.operations") == "pending"


async def test_saga_and_operation_finish_in_one_transaction(apart: Apart, books: Books) -> None:
    await apart.carry(await apart.begin())
    for kind in (Reply, Pay, Reply):
        assert await books.value("SELECT status FROM runtime.operations") == "pending"
        assert (await books.saga())["phase"] == "running"
        await apart.carry(apart.only(kind))
    assert await apart.outcome() == DONE
    ended = await books.rows("SELECT s.xmin = o.xmin FROM runtime.sagas s, runtime.operations o")
    assert ended == [(True,)]
    told = [Reply.model_validate(one.body) for one in apart.shop.bus.replies]
    [final] = [reply for reply in told if reply.status != "pending"]
    assert final.result is not None
    assert (final.status, final.result["status"]) == ("succeeded", "shipped")


async def test_the_operation_is_answered_pending_first(apart: Apart) -> None:
    await apart.begin()
    [reply] = [Reply.model_validate(one.body) for one in apart.shop.bus.replies]
    assert (reply.status, reply.result) == ("pending", None)


async def test_the_history_is_complete(apart: Apart, books: Books) -> None:
    await apart.carry(await apart.begin())
    await apart.settle()
    history = [(entry["what"], entry["step"]) for entry in (await books.saga())["history"]]
    assert history == [("started", ""), ("answered", "reserve"), ("answered", "pay"), ("answered", "ship")]
    assert all(entry["at"] for entry in (await books.saga())["history"])


async def test_the_timer_wakes_in_time_for_the_deadline(
    apart: Apart, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fulfil, "deadline", timedelta(seconds=7))
    await apart.begin()
    due = await books.value("SELECT extract(epoch FROM due_at - now())::int FROM runtime.timers")
    assert due in range(5, 8)


@pytest.mark.parametrize("seed", range(12))
async def test_by_chance(apart: Apart, script: Script, seed: int) -> None:
    """Any order, copies, timers at any time, refusals and a deadline: all is done or all is undone."""
    chance = Random(seed)

    def maybe(*_: Any) -> None:
        if chance.random() < 0.3:
            raise TooLittle

    script.before[Pay] = script.before[Ship] = maybe
    first = await apart.begin()
    if chance.random() < 0.5:
        await apart.late()
    apart.bank.bus.posts.append(first)
    while (await apart.books.saga())["phase"] not in ("completed", "failed"):
        await apart.settle_by_chance(chance)
        await apart.wake()
    await apart.settle_by_chance(chance)
    assert await apart.outcome() in (DONE, UNDONE)
    assert await apart.books.value("SELECT reserved FROM probe.accounts") == 0
    assert not apart.bank.bus.letters + apart.shop.bus.letters
    assert await apart.books.count("runtime.timers") == 0
