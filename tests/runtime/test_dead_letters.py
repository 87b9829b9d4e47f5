"""Dead letters: drained into their table, replayed, or discarded with an answer to whoever waits."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_core import from_json, to_json

from contracts import topology
from contracts.bus import Bus
from contracts.envelope import GIVEN_UP, Envelope, encode
from contracts.operations import (
    DiscardDeadLetter,
    ReplayDeadLetter,
    ReplayDeadLetters,
    Reply,
)
from tests.runtime import probe
from tests.runtime.books import Books
from tests.runtime.conftest import Start
from tests.runtime.desk import Desk, said
from tests.runtime.network import Network
from tests.runtime.probe import Script
from tests.runtime.said.bank import Deposit, Deposited, Free, Pay, Reserve
from tests.runtime.said.shop import Order
from tests.servers import Vhost
from tests.workers.client import Client
from workers.runtime.dead_letters import Drain

DEPOSIT = Deposit(account="a", amount=5)


def explode(*_: Any) -> None:
    raise ZeroDivisionError


async def drain(desk: Desk) -> list[str]:
    """Store what has died at this desk; the ids of all open letters."""
    drain = Drain(desk.database)
    for body in desk.bus.letters:
        await drain.take("bank.dead", Delivered(body))  # type: ignore[arg-type]
    desk.bus.letters.clear()
    async with desk.database.transaction() as connection:
        rows = await connection.fetch("SELECT id FROM runtime.dead_letters WHERE resolution IS NULL ORDER BY died_at")
    return [row[0] for row in rows]


async def replay(desk: Desk, letter: str) -> str | None:
    """Replay it, as an operator; the code of what keeps one from it."""
    reply = await desk.do(ReplayDeadLetter(letter_id=letter, reason="It is mended."))
    return reply.problem.code if reply.problem else None


async def discard(desk: Desk, letter: str, *hosts: Desk) -> str | None:
    """Likewise discard it; the mark goes to whoever hosts its queue."""
    reply = await desk.do(DiscardDeadLetter(letter_id=letter, reason="It never will be."))
    for post in [post for post in desk.bus.take() if post.envelope.attempt == GIVEN_UP]:
        await (hosts or (desk,))[0].deliver(post.envelope, queue=post.key)
    return reply.problem.code if reply.problem else None


class Delivered:
    """A message from the broker, as far as the drain looks at it."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.acked = 0

    async def ack(self) -> None:
        self.acked += 1


@pytest.fixture
def frail(desks: Callable[..., Desk]) -> Desk:
    """A desk where a message dies at once."""
    return desks("bank", "shop", "operations", max_attempts=1)


async def test_from_the_handler_to_the_table_and_back(
    start: Start, client: Client, books: Books, script: Script
) -> None:
    await start("bank", "operations", max_attempts=2)
    script.before[Deposit] = explode
    envelope = client.envelope(DEPOSIT)
    await client.send(envelope)
    await books.becomes([(Deposit.wire_name, "ZeroDivisionError()", None)], books.letters)
    assert script.count(Deposit) == 2 * 2, "two attempts, each once with company and once alone"
    assert "in explode" in await books.value("SELECT stack FROM runtime.dead_letters")
    script.clear()
    letter = await books.value("SELECT id FROM runtime.dead_letters")
    await client.send(client.envelope(ReplayDeadLetter(letter_id=letter, reason="It is mended.")))
    assert (await client.final(envelope)).status == "succeeded"
    assert await books.amount("a") == 5
    assert [resolution for *_, resolution in await books.letters()] == ["replayed"]


async def test_a_replayed_message_has_all_its_attempts_again(frail: Desk, script: Script) -> None:
    script.before[Deposit] = explode
    envelope = said(DEPOSIT)
    await frail.deliver(envelope._replace(attempt=6))
    [letter] = await drain(frail)
    assert await replay(frail, letter) is None
    [post] = frail.bus.take()
    assert (post.exchange, post.key) == (topology.COMMANDS, "bank.commands")
    assert post.envelope.again().attempt == 2
    assert post.envelope._replace(attempt=1) == frail.work(envelope).envelope


async def test_what_was_replayed_and_fails_again_is_an_open_letter_again(
    frail: Desk, books: Books, script: Script
) -> None:
    script.before[Deposit] = explode
    await frail.deliver(said(DEPOSIT))
    [letter] = await drain(frail)
    assert await replay(frail, letter) is None
    assert await drain(frail) == []
    [post] = frail.bus.take()
    await frail.deliver(post.envelope)
    assert await drain(frail) == [letter]
    assert await books.count("runtime.dead_letters") == 1


async def test_a_letter_is_resolved_once(frail: Desk, script: Script) -> None:
    script.before[Deposit] = explode
    await frail.deliver(said(DEPOSIT))
    [letter] = await drain(frail)
    assert await discard(frail, letter) is None
    assert await discard(frail, letter) is None, "a second click changes nothing"
    assert frail.bus.take() == []
    assert await replay(frail, letter) == "already_discarded"
    assert await discard(frail, "dlt_nobody") == "not_found"


async def test_a_letter_that_is_replayed_twice_is_published_once(frail: Desk, books: Books, script: Script) -> None:
    script.before[Deposit] = explode
    await frail.deliver(said(DEPOSIT))
    [letter] = await drain(frail)
    for _ in range(2):
        assert await replay(frail, letter) is None
    assert len(frail.bus.take()) == 1
    assert await discard(frail, letter) == "already_replayed"
    assert await books.rows("SELECT resolved_by, resolved_reason FROM runtime.dead_letters") == [
        ("usr_test", "It is mended.")
    ]


async def test_of_replaying_and_discarding_at_once_one_wins(
    frail: Desk, desks: Callable[..., Desk], books: Books, script: Script
) -> None:
    other = desks("operations")
    for _ in range(10):
        script.before[Deposit] = explode
        envelope = said(DEPOSIT)
        await frail.deliver(envelope)
        [letter] = await drain(frail)
        script.clear()
        again, never = await asyncio.gather(
            frail.do(ReplayDeadLetter(letter_id=letter, reason="Again.")),
            other.do(DiscardDeadLetter(letter_id=letter, reason="Never.")),
        )
        posts = [post for desk in (frail, other) for post in desk.bus.take() if post.exchange == topology.COMMANDS]
        assert len(posts) == 1
        await frail.deliver(posts[0].envelope, queue=posts[0].key)
        assert {again.status, never.status} == {"succeeded", "failed"}
        assert await books.operation(envelope.id) == again.status


async def test_many_are_replayed_at_once(start: Start, client: Client, books: Books, script: Script) -> None:
    await start("bank", "operations", max_attempts=1)
    script.before[Deposit] = explode
    sent = [client.envelope(DEPOSIT) for _ in range(5)]
    for envelope in sent:
        await client.send(envelope)
    await books.becomes(5, lambda: books.count("runtime.dead_letters"))
    script.clear()
    wanted = client.envelope(ReplayDeadLetters(type=Deposit.wire_name, reason="It is mended."))
    await client.send(wanted)
    assert (await client.final(wanted)).result == {"count": 5, "has_more": False}
    for envelope in sent:
        assert (await client.final(envelope)).status == "succeeded"
    assert await books.amount("a") == 25
    ids = [row[0] for row in await books.rows("SELECT id FROM runtime.dead_letters")]
    again = client.envelope(ReplayDeadLetters(ids=[*ids, *ids, "dlt_nobody"], reason="Once more."))
    await client.send(again)
    assert (await client.final(again)).result == {"count": 0, "has_more": False}


async def test_discarding_a_command_ends_its_operation(frail: Desk, books: Books, script: Script) -> None:
    script.before[Deposit] = explode
    envelope = said(DEPOSIT)
    await frail.deliver(envelope)
    [letter] = await drain(frail)
    assert await discard(frail, letter) is None
    reply = frail.answers()[envelope.id]
    assert reply.problem is not None
    assert (reply.status, reply.problem.code, reply.type) == ("failed", "discarded", "bank.Deposit")
    assert await books.operation(envelope.id) == "failed"
    assert [resolution for *_, resolution in await books.letters()] == ["discarded"]


async def test_a_copy_that_comes_after_all_is_not_done(frail: Desk, books: Books, script: Script) -> None:
    script.before[Deposit] = explode
    envelope = said(DEPOSIT)
    await frail.deliver(envelope)
    [letter] = await drain(frail)
    assert await discard(frail, letter) is None
    script.clear()
    answers = await frail.deliver(envelope)
    assert answers[envelope.id].problem is not None
    assert await books.amount("a") is None


async def test_discarding_what_was_done_meanwhile_changes_nothing(frail: Desk, books: Books, script: Script) -> None:
    script.before[Deposit] = explode
    envelope = said(DEPOSIT)
    await frail.deliver(envelope)
    [letter] = await drain(frail)
    script.clear()
    await frail.deliver(envelope)
    assert await discard(frail, letter) is None
    assert await books.operation(envelope.id) == "succeeded"
    assert await books.amount("a") == 5


async def test_discarding_a_sagas_command_undoes_the_saga(frail: Desk, books: Books, script: Script) -> None:
    await books.put("a", 100)
    script.before[Pay] = explode
    network = Network(frail)
    envelope = said(Order(account="a", amount=30))
    await network.send(envelope)
    await network.settle()
    assert await books.rows("SELECT amount, reserved FROM probe.accounts") == [(70, 30)]
    [letter] = await drain(frail)
    assert await discard(frail, letter) is None
    await network.settle()
    assert await books.rows("SELECT amount, reserved FROM probe.accounts") == [(100, 0)]
    told = "SELECT problem->>'code' FROM runtime.operations WHERE id = $1"
    assert await books.value(told, envelope.id) == "discarded"
    assert (await books.saga())["phase"] == "failed"


async def test_a_saga_that_asks_again_for_what_has_died_makes_no_second_letter(
    frail: Desk, books: Books, script: Script
) -> None:
    await books.put("a", 100)
    script.before[Pay] = explode
    network = Network(frail)
    await network.send(said(Order(account="a", amount=30)))
    for _ in range(3):
        await network.settle()
        await network.wake()
    assert len(await drain(frail)) == 1
    script.clear()
    await network.settle()
    await network.wake()
    await network.settle()
    assert (await books.saga())["phase"] == "completed", "once the reason is gone, it goes on by itself"


async def test_discarding_an_event_is_silent(desks: Callable[..., Desk], books: Books, script: Script) -> None:
    desk = desks("press", "operations", max_attempts=1)
    script.before[Deposited] = explode
    heard = Envelope(
        "evt_1", Deposited.wire_name, Deposited(account="a", amount=1), reply_to="gateway.x", operation="op_1"
    )
    await desk.deliver(heard, queue="press.events")
    [letter] = await drain(desk)
    assert await discard(desk, letter) is None
    assert not desk.bus.replies
    script.clear()
    await desk.deliver(heard, queue="press.events")
    assert await books.count("probe.notes") == 0


async def test_what_a_saga_waits_for_can_only_be_replayed(frail: Desk, books: Books) -> None:
    await books.put("a", 100)
    answer = Envelope("msg_1", Reply.wire_name, {"status": "impossible"}, cause="msg_0", saga="sag_1")
    await frail.reader._refuse("shop.commands", answer, "invalid")
    [letter] = await drain(frail)
    assert await discard(frail, letter) == "saga_needs_it"
    assert await replay(frail, letter) is None
    assert [post.key for post in frail.bus.take()] == ["shop.commands"]


async def test_a_message_that_nobody_understands_can_be_discarded(desks: Callable[..., Desk], books: Books) -> None:
    frail = desks("bank", "operations", max_attempts=1)
    unknown = said(DEPOSIT)._replace(type="bank.Nothing.v1")
    await frail.reader._refuse("bank.commands", unknown, "no handler for this type")
    command = Envelope("msg_1", "bank.Nothing.v1", {}, saga="sag_1", reply_to="shop.commands")
    await frail.reader._refuse("bank.commands", command, "no handler for this type")
    for letter in await drain(frail):
        assert await discard(frail, letter) is None
    assert await books.operation(unknown.id) == "failed"
    [post] = frail.bus.take()
    assert (post.key, post.envelope.cause, post.envelope.saga) == ("shop.commands", "msg_1", "sag_1")


async def test_rubbish_can_only_be_discarded(frail: Desk, books: Books) -> None:
    frail.bus.letters += [b"rubbish \xff", to_json({"id": "x"})]
    await frail.reader._envelopes("bank.commands", b"nonsense \x00")
    letters = await drain(frail)
    assert len(letters) == 3
    for letter in letters:
        assert await replay(frail, letter) == "unreadable"
        assert await discard(frail, letter) is None
    assert {resolution for *_, resolution in await books.letters()} == {"discarded"}


async def test_a_letter_that_is_delivered_twice_is_stored_once(frail: Desk, books: Books, script: Script) -> None:
    script.before[Deposit] = explode
    await frail.deliver(said(DEPOSIT))
    frail.bus.letters *= 3
    assert len(await drain(frail)) == 1
    assert await books.count("runtime.dead_letters") == 1


async def test_a_letter_keeps_the_whole_message(frail: Desk, books: Books, script: Script) -> None:
    script.before[Free] = explode
    command = Envelope("msg_1", Free.wire_name, Free(order="o", account="ü\0"), saga="sag_1", traceparent="00-1-2-01")
    await frail.deliver(command)
    await drain(frail)
    kept = from_json(await books.value("SELECT message #>> '{}' FROM runtime.dead_letters"))
    assert kept == from_json(encode(command))


async def test_rubbish_in_the_queue_of_the_dead_does_not_stop_the_drain(
    start: Start, books: Books, vhost: Vhost
) -> None:
    await start("bank")
    bus = Bus(vhost.workers_url, name="raw")
    await bus.start(probe.WHOLE)
    for body in (b"\xff", b"[]", to_json({"id": 1}), b"null"):
        await bus.publish(topology.COMMANDS, "bank.dead", body)
    await books.becomes(4, lambda: books.count("runtime.dead_letters"))
    await bus.stop()


async def test_reserve_dies_and_is_discarded_before_anything_was_done(
    frail: Desk, books: Books, script: Script
) -> None:
    await books.put("a", 100)
    script.before[Reserve] = explode
    network = Network(frail)
    envelope = said(Order(account="a", amount=30))
    await network.send(envelope)
    await network.settle()
    [letter] = await drain(frail)
    assert await discard(frail, letter) is None
    await network.settle()
    assert await books.operation(envelope.id) == "failed"
    assert script.count(Free) == 0
    assert await books.amount("a") == 100
