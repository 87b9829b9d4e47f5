"""A message is handled once, however often and wherever it arrives."""

import asyncio
from collections.abc import Callable

import pytest

from contracts import ids
from contracts.envelope import Envelope
from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.said.bank import Deposit, Deposited, Free, Move, Whisper
from tests.runtime.said.shop import Order

DEPOSIT = Deposit(account="a", amount=5)


async def test_a_redelivered_command_is_handled_once(desk: Desk, books: Books) -> None:
    envelope = said(DEPOSIT)
    first = (await desk.deliver(envelope))[envelope.id]
    again = (await desk.deliver(envelope))[envelope.id]
    assert again == first
    assert await books.amount("a") == 5


async def test_a_copy_in_the_same_batch_is_handled_once(desk: Desk, books: Books) -> None:
    envelope = said(DEPOSIT)
    await desk.deliver(envelope, envelope, envelope)
    assert await books.amount("a") == 5


async def test_a_repeat_is_answered_from_the_operation_and_names_the_first_request(desk: Desk, books: Books) -> None:
    envelope = said(DEPOSIT)
    first = (await desk.deliver(envelope))[envelope.id]
    repeat = envelope._replace(request="req_repeat", reply_to="gateway.other.replies")
    answer = (await desk.deliver(repeat))["req_repeat"]
    assert (answer.request, answer.result, answer.status) == (envelope.request, first.result, "succeeded")
    assert await books.amount("a") == 5


async def test_a_repeat_of_a_refused_command_is_refused_again(desk: Desk, books: Books) -> None:
    envelope = said(Move(source="nobody", destination="b", amount=1))
    first = (await desk.deliver(envelope))[envelope.id]
    await books.put("nobody", 100)
    again = (await desk.deliver(envelope._replace(request="req_repeat")))["req_repeat"]
    assert first.problem is not None
    assert again.problem == first.problem
    assert await books.amount("nobody") == 100


async def test_a_repeat_in_the_same_batch_hears_the_end_too(desk: Desk, books: Books) -> None:
    await books.put("a", 10)
    envelope = said(Order(account="a", amount=4))
    answers = await desk.deliver(envelope, envelope._replace(request="req_repeat"))
    assert answers["req_repeat"].status == answers[envelope.request or ""].status == "succeeded"
    assert answers["req_repeat"].request == envelope.request


async def test_a_key_used_for_something_else_is_refused(desk: Desk, books: Books) -> None:
    envelope = said(DEPOSIT)
    await desk.deliver(envelope)
    other = said(Deposit(account="a", amount=6), id=envelope.id)
    answer = (await desk.deliver(other))[other.id]
    assert answer.problem is not None
    assert (answer.problem.code, answer.request) == ("idempotency_key_reused", envelope.request)
    assert await books.amount("a") == 5


async def test_likewise_within_one_batch(desk: Desk, books: Books) -> None:
    envelope = said(DEPOSIT)
    other = said(Deposit(account="a", amount=6), id=envelope.id)
    answers = await desk.deliver(envelope, other)
    assert answers[envelope.request or ""].status == "succeeded"
    problem = answers[other.request or ""].problem
    assert problem is not None
    assert problem.code == "idempotency_key_reused"
    assert await books.amount("a") == 5


@pytest.mark.parametrize("order_first", [False, True])
async def test_also_where_the_key_was_used_for_another_command_of_another_domain(
    desk: Desk, books: Books, *, order_first: bool
) -> None:
    await books.put("a", 100)
    deposit = said(DEPOSIT)
    order = said(Order(account="a", amount=30), id=deposit.id)
    first, second = (order, deposit) if order_first else (deposit, order)
    async with desk.statements() as statements:
        answers = await desk.deliver(first, second)
    assert statements.count("COMMIT") == 1, "neither of them has failed"
    assert answers[first.request or ""].status == "succeeded"
    problem = answers[second.request or ""].problem
    assert problem is not None
    assert problem.code == "idempotency_key_reused"
    assert await books.rows("SELECT type FROM runtime.operations") == [(first.type.removesuffix(".v1"),)]
    assert await books.amount("a") == (70 if order_first else 105)


async def test_likewise_at_two_workers_at_once(desks: Callable[..., Desk], books: Books) -> None:
    await books.put("a", 0)
    one, other = desks(), desks()
    for _ in range(20):
        first = said(DEPOSIT)
        second = said(Deposit(account="a", amount=6), id=first.id)
        await asyncio.gather(one.deliver(first), other.deliver(second))
        told = [one.answers()[first.id], other.answers()[first.id]]
        assert sorted(answer.status for answer in told) == ["failed", "succeeded"]
        assert {answer.problem.code for answer in told if answer.problem} == {"idempotency_key_reused"}
        assert {answer.request for answer in told} <= {first.request, second.request}
        assert len({answer.request for answer in told}) == 1
    done = await books.rows("SELECT (result->>'id') IS NOT NULL, count(*) FROM runtime.operations GROUP BY 1")
    assert done == [(True, 20)]


async def test_a_copy_at_two_workers_at_once_is_handled_once(desks: Callable[..., Desk], books: Books) -> None:
    one, other = desks(), desks()
    for _ in range(20):
        envelope = said(DEPOSIT)
        await asyncio.gather(one.deliver(envelope), other.deliver(envelope))
        assert one.answers()[envelope.id].status == other.answers()[envelope.id].status == "succeeded"
    assert await books.amount("a") == 100


def event(account: str) -> Envelope:
    return Envelope(ids.new("msg"), Deposited.wire_name, Deposited(account=account, amount=1))


async def test_an_event_is_claimed_once_by_each_domain(desks: Callable[..., Desk], books: Books) -> None:
    desk = desks("press", "museum")
    heard = event("a")
    for queue in ("press.events", "museum.events", "press.events", "museum.events"):
        await desk.deliver(heard, heard, queue=queue)
    assert sorted(await books.rows("SELECT domain FROM runtime.inbox")) == [("museum",), ("press",)]
    assert await books.count("probe.notes") == 2


async def test_also_when_both_hear_it_in_one_batch(desks: Callable[..., Desk], books: Books) -> None:
    desk = desks("press", "museum")
    heard = event("a")
    for _ in range(3):
        works = [desk.work(heard, queue) for queue in ("press.events", "museum.events")]
        await desk.delivery.deliver(works)
    assert sorted(await books.rows("SELECT domain FROM runtime.inbox")) == [("museum",), ("press",)]
    assert await books.count("probe.notes") == 2


async def test_a_claim_of_one_domain_is_none_of_another(desks: Callable[..., Desk], books: Books) -> None:
    desk = desks("press", "museum")
    heard = event("a")
    await desk.deliver(heard, queue="press.events")
    works = [desk.work(heard._replace(attempt=2), queue) for queue in ("press.events", "museum.events")]
    await desk.delivery.deliver(works)
    assert sorted(await books.rows("SELECT domain FROM runtime.inbox")) == [("museum",), ("press",)]
    assert await books.count("probe.notes") == 2


async def test_claims_are_kept_as_long_as_anything_may_come_again(desks: Callable[..., Desk], books: Books) -> None:
    desk = desks("bank")
    old, new = (Envelope(name, Free.wire_name, Free(order="o", account="a"), saga="sag_1") for name in ("old", "new"))
    await desk.deliver(old)
    await books.connection.execute("UPDATE runtime.inbox SET claimed_at = now() - interval '31 days'")
    await desk.deliver(new)
    await desk.upkeep.forget_claims(30)
    assert await books.rows("SELECT id FROM runtime.inbox") == [("new",)]


async def test_an_internal_command_is_claimed_in_the_inbox(desks: Callable[..., Desk], books: Books) -> None:
    desk = desks("bank")
    command = Envelope("msg_1", Free.wire_name, Free(order="o", account="a"), saga="sag_1", reply_to="shop.commands")
    for _ in range(3):
        await desk.deliver(command)
    assert await books.rows("SELECT id, domain FROM runtime.inbox") == [("msg_1", "bank")]
    assert len(desk.bus.posts) == 1


def deposits(count: int) -> list[Envelope]:
    return [said(Deposit(account=f"a{n}", amount=1)) for n in range(count)]


async def test_a_batch_loads_once_and_each_part_is_saved_by_one_statement(desk: Desk) -> None:
    await desk.do(DEPOSIT)
    for count, parts in (1, 1), (8, 1), (128, 4):
        async with desk.statements() as statements:
            await desk.deliver(*deposits(count))
        begin, accounts, *saves, commit = statements
        assert (begin, commit) == ("BEGIN", "COMMIT")
        assert "FROM probe.accounts" in accounts
        assert [save.split()[0] for save in saves] == ["WITH"] * parts


async def test_only_what_may_have_been_here_before_is_looked_up(desk: Desk, books: Books) -> None:
    async def looked_up(*envelopes: Envelope) -> bool:
        async with desk.statements() as statements:
            await desk.deliver(*envelopes)
        return "runtime.operations WHERE" in statements[1]

    first = said(DEPOSIT)
    assert not await looked_up(first)
    assert await looked_up(said(DEPOSIT)._replace(attempt=2))
    assert not await looked_up(said(DEPOSIT))
    await desk.deliver(first)
    assert await looked_up(said(DEPOSIT)), "repeats come in flocks"
    assert await books.amount("a") == 4 * DEPOSIT.amount


async def test_a_call_leaves_no_trace_of_itself(desk: Desk, books: Books) -> None:
    asked = said(Whisper(account="a", secret="hush"), id="msg_1", operation="msg_1")
    work = desk.work(asked, "bank.calls")
    work.prepared = "x"
    for committed in await desk.delivery.deliver([work]):
        await desk.delivery.tell(committed)
    assert desk.answers()["msg_1"].status == "succeeded"
    assert await books.count("runtime.operations") == 0
    assert await books.count("runtime.inbox") == 0
