"""What a batch says is kept until it is told."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from contracts import topology
from contracts.bus import Unconfirmed
from tests.runtime.books import Books
from tests.runtime.desk import Desk, Outage, said
from tests.runtime.probe import Script
from tests.runtime.said.bank import Deposit, Deposited, Overdraw
from tests.runtime.said.shop import Walk
from workers.runtime import upkeep

DEPOSIT = Deposit(account="a", amount=5)


def heard(desk: Desk) -> list[str]:
    return [post.envelope.id for post in desk.bus.take() if post.key == Deposited.wire_name]


async def test_a_later_batch_deletes_the_row_of_a_told_one(desk: Desk, books: Books) -> None:
    await desk.do(DEPOSIT)
    [first] = await books.rows("SELECT id FROM runtime.untold")
    await desk.do(DEPOSIT)
    [second] = await books.rows("SELECT id FROM runtime.untold")
    assert first != second


async def test_a_redelivery_after_a_crash_tells_what_the_dead_batch_had_to_say(
    desks: Callable[..., Desk], books: Books
) -> None:
    dead, alive = desks(), desks()
    envelope = said(DEPOSIT)
    [committed] = await dead.decide(envelope)
    assert committed.bundles
    answers = await alive.deliver(envelope)
    assert answers[envelope.id].status == "succeeded"
    assert heard(alive) == [f"{envelope.id}:0"]
    await alive.do(DEPOSIT)
    alive.bus.take()
    await alive.deliver(envelope)
    assert heard(alive) == [], "it is told, and forgotten"
    assert await books.amount("a") == 10


async def test_a_redelivery_to_the_teller_itself_does_not_say_it_twice(desk: Desk) -> None:
    envelope = said(DEPOSIT)
    await desk.deliver(envelope)
    await desk.deliver(envelope)
    assert len(heard(desk)) == 1


async def test_the_sweeper_tells_what_nobody_asks_for(desks: Callable[..., Desk], books: Books) -> None:
    dead, sweeper = desks(), desks()
    envelope = said(DEPOSIT)
    await dead.decide(envelope)
    await sweeper.upkeep.tell_untold(60)
    assert heard(sweeper) == [], "it may still be about to be told"
    await sweeper.upkeep.tell_untold(0)
    assert heard(sweeper) == [f"{envelope.id}:0"]
    assert await books.count("runtime.untold") == 0


async def test_two_sweepers_at_once_say_it_once(desks: Callable[..., Desk]) -> None:
    dead, one, other = desks(), desks(), desks()
    for _ in range(5):
        await dead.decide(said(DEPOSIT))
        await asyncio.gather(one.upkeep.tell_untold(0), other.upkeep.tell_untold(0))
    assert len(heard(one) + heard(other)) == 5


async def test_what_the_sweeper_can_not_tell_either_stays(desks: Callable[..., Desk], books: Books) -> None:
    dead, sweeper = desks(), desks()
    await dead.decide(said(DEPOSIT))
    for trouble in (Outage(), Unconfirmed()):
        sweeper.bus.away = trouble
        await sweeper.upkeep.tell_untold(0)
        assert await books.count("runtime.untold") == 1
    sweeper.bus.away = None
    await sweeper.upkeep.tell_untold(0)
    assert len(heard(sweeper)) == 1
    assert await books.count("runtime.untold") == 0


async def test_what_nobody_takes_holds_up_no_other(
    desks: Callable[..., Desk], books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "UNTOLD_MAX", 2)
    dead, sweeper = desks(), desks()
    sweeper.bus.away = Unconfirmed()
    for _ in range(4):
        await dead.decide(said(DEPOSIT))
    assert await sweeper.upkeep.tell_untold(0)
    sweeper.bus.away = None
    assert await sweeper.upkeep.tell_untold(0)
    assert await books.count("runtime.untold") == 2, "the second two"
    assert not await sweeper.upkeep.tell_untold(0), "all have had their turn: it pauses"
    assert await sweeper.upkeep.tell_untold(0)
    assert await books.count("runtime.untold") == 0


async def test_gateways_hear_what_they_watch_for_before_the_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "WATCHED", (Deposited.wire_name,))
    seen: list[int] = []
    reply = desk.bus.reply

    async def note(queue: str, body: bytes) -> None:
        seen.append(len(desk.bus.posts))
        await reply(queue, body)

    monkeypatch.setattr(desk.bus, "reply", note)
    await desk.do(DEPOSIT)
    assert seen == [1]


async def test_what_is_not_confirmed_stays_for_the_sweeper(desk: Desk, books: Books) -> None:
    for trouble in (Outage(), Unconfirmed()):
        desk.bus.away = trouble
        await desk.deliver(said(DEPOSIT))
        desk.bus.away = None
        await desk.do(Deposit(account="b", amount=1))
        assert await books.count("runtime.untold") == 2, "only what was told may go"
        desk.bus.take()
        await desk.upkeep.tell_untold(0)
        assert len(heard(desk)) >= 1
        assert await books.count("runtime.untold") == 0


@pytest.mark.parametrize("failing", ["handler", "save"])
async def test_whatever_fails_gives_the_told_rows_back(desk: Desk, books: Books, script: Script, failing: str) -> None:
    def explode(*_: Any) -> None:
        raise ZeroDivisionError

    await books.put("over", 10)
    await desk.do(DEPOSIT)
    if failing == "handler":
        script.before[Deposit] = explode
    await desk.deliver(said(DEPOSIT if failing == "handler" else Overdraw(account="over")))
    await desk.upkeep.tell_untold(60)
    assert await books.count("runtime.untold") == 0


async def test_a_batch_that_fails_gives_the_told_rows_back(desk: Desk, books: Books) -> None:
    await desk.do(DEPOSIT)
    assert await books.count("runtime.untold") == 1
    async with books.connection.transaction():
        await books.connection.execute("SELECT 1 FROM probe.accounts FOR UPDATE")
        await desk.do(Deposit(account="other", amount=5))
        await desk.deliver(said(DEPOSIT))
    await desk.upkeep.tell_untold(60)
    assert await books.count("runtime.untold") == 0


async def test_an_event_that_nobody_hears_is_not_published(desk: Desk, books: Books) -> None:
    await desk.deliver(said(Walk(account="a")))
    assert not [post for post in desk.bus.posts if post.exchange == "saldo.events"]
    assert await books.amount("a") is not None
