"""A message that fails: alone, later, and at last a dead letter; its neighbours never notice."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic_core import from_json

from contracts.bus import NotSent
from contracts.envelope import Envelope
from tests.runtime.books import Books
from tests.runtime.desk import Desk, Outage, said
from tests.runtime.probe import Script
from tests.runtime.said.bank import Deposit, Overdraw, Whisper
from workers.runtime.unit_of_work import UnitOfWork


def explode(command: Deposit, _uow: UnitOfWork) -> None:
    if command.account.startswith("bad"):
        raise ZeroDivisionError(command.account)


def deposits(*accounts: str) -> list[Envelope]:
    return [said(Deposit(account=account, amount=1)) for account in accounts]


async def test_a_handler_that_raises_is_taken_out_and_the_rest_is_one_batch(
    desk: Desk, books: Books, script: Script
) -> None:
    script.before[Deposit] = explode
    async with desk.statements() as statements:
        await desk.deliver(*deposits("a", "b", "bad1", "c", "bad2", "d"))
    assert await books.rows("SELECT id, amount FROM probe.accounts ORDER BY id") == [(x, 1) for x in "abcd"]
    assert statements.count("COMMIT") == 1, "the others were not handled one by one"
    delayed = [post for post in desk.bus.posts if post.delay_seconds]
    assert [(post.envelope.body["account"], post.envelope.attempt) for post in delayed] == [("bad1", 2), ("bad2", 2)]
    assert await books.count("runtime.operations") == 4


async def test_what_the_database_refuses_is_found_one_by_one(desk: Desk, books: Books) -> None:
    for account in ("a", "over"):
        await books.put(account, 10)
    bad = said(Overdraw(account="over"))
    around = deposits("a", "over", "a")
    answers = await desk.deliver(around[0], around[1], bad, around[2])
    assert {answers[one.id].status for one in around} == {"succeeded"}
    assert (await books.amount("a"), await books.amount("over")) == (12, 11)
    [post] = [post for post in desk.bus.take() if post.delay_seconds]
    assert post.envelope.id == bad.id


async def test_an_answer_that_can_not_be_encoded_fails_before_the_commit(
    desk: Desk, books: Books, script: Script
) -> None:
    class Odd:
        pass

    work = desk.work(said(Whisper(account="odd", secret="x"), id="msg_1", operation=None), "bank.calls")
    work.prepared = "x"
    script.before[Whisper] = lambda _command, _uow: None
    decide = work.handler.decide
    work.handler = replace(work.handler, decide=lambda command, uow: (decide(command, uow), Odd())[1])
    done = await desk.delivery.deliver([work])
    for committed in done:
        await desk.delivery.tell(committed)
    problem = desk.answers()["msg_1"].problem
    assert problem is not None
    assert problem.code == "busy"
    assert await books.amount("odd") is None


async def test_the_last_attempt_ends_in_a_letter_with_reason_and_stack(
    desk: Desk, books: Books, script: Script
) -> None:
    script.before[Deposit] = explode
    [envelope] = deposits("bad")
    for attempt in (2, 3):
        await desk.deliver(envelope)
        [post] = desk.bus.take()
        envelope = post.envelope
        assert (envelope.attempt, post.exchange, post.key) == (attempt, "saldo.delay", "bank.commands")
    await desk.deliver(envelope)
    assert not desk.bus.posts
    [letter] = [from_json(letter) for letter in desk.bus.letters]
    assert letter["reason"] == "ZeroDivisionError('bad')"
    assert "in explode" in letter["stack"]
    assert from_json(letter["message"])["id"] == envelope.id
    assert (letter["queue"], letter["domain"], letter["type"]) == ("bank.commands", "bank", Deposit.wire_name)
    assert await books.count("runtime.operations") == 0


async def test_a_message_that_fails_once_is_done_at_its_next_attempt(desk: Desk, books: Books, script: Script) -> None:
    script.before[Deposit] = explode
    [envelope] = deposits("bad")
    await desk.deliver(envelope)
    script.clear()
    [post] = desk.bus.take()
    answers = await desk.deliver(post.envelope)
    assert answers[envelope.id].status == "succeeded"
    assert await books.amount("bad") == 1


async def test_a_failure_that_can_not_be_passed_on_keeps_the_bundle_unacknowledged(
    desk: Desk, books: Books, script: Script
) -> None:
    script.before[Deposit] = explode
    desk.bus.away = Outage()
    good, bad = deposits("a", "bad")
    with pytest.raises(NotSent):
        await desk.decide(good, bad)
    desk.bus.away = None
    await desk.deliver(good, bad)
    assert await books.amount("a") == 1
    assert [post.envelope.id for post in desk.bus.posts if post.delay_seconds] == [bad.id]
    assert [post.envelope.id for post in desk.bus.posts if not post.delay_seconds] == [f"{good.id}:0"]


async def test_nothing_is_buried_unless_the_broker_has_it(
    desks: Callable[..., Desk], books: Books, script: Script
) -> None:
    desk = desks(max_attempts=1)
    script.before[Deposit] = explode
    [bad] = deposits("bad")
    for _ in range(2):
        desk.bus.away = Outage()
        with pytest.raises(NotSent):
            await desk.decide(bad)
        desk.bus.away = None
    await desk.deliver(bad)
    assert len(desk.bus.letters) == 1
    assert await books.count("runtime.operations") == 0


async def test_who_fails_because_it_is_done_already_is_a_repeat(desk: Desk, books: Books, script: Script) -> None:
    [done] = deposits("bad")
    await desk.deliver(done)
    script.before[Deposit] = explode
    answers = await desk.deliver(done._replace(request="req_again"))
    assert answers["req_again"].status == "succeeded"
    assert not [post for post in desk.bus.posts if post.delay_seconds]
    assert await books.amount("bad") == 1


async def test_a_copy_of_a_failing_message_fails_once_more_but_is_never_done_twice(
    desks: Callable[..., Desk], books: Books, script: Script
) -> None:
    desk = desks(max_attempts=2)
    script.before[Deposit] = explode
    [bad] = deposits("bad")
    await desk.deliver(bad, bad)
    script.clear()
    for post in desk.bus.take():
        await desk.deliver(post.envelope)
    assert await books.amount("bad") == 1


async def test_the_same_message_dies_as_one_letter(desks: Callable[..., Desk], script: Script) -> None:
    desk = desks(max_attempts=1)
    script.before[Deposit] = explode
    [bad] = deposits("bad")
    await desk.deliver(bad)
    await desk.deliver(bad)
    one, other = (from_json(letter)["id"] for letter in desk.bus.letters)
    assert one == other
