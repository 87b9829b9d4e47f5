"""What is said to a domain hosted here goes on in the same transaction; apart, the same happens over the broker."""

from collections.abc import Callable

from contracts.envelope import Envelope
from contracts.operations import Reply
from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.network import Network
from tests.runtime.probe import STEPS, Script
from tests.runtime.said.bank import Deposit, Free, Pay, Reserve, TooLittle
from tests.runtime.said.shop import Cancel, Order, OrderPlaced, Ship, Step, Walk, WalkBegun
from workers.runtime.deciding import ROUNDS_MAX
from workers.runtime.orchestrator import WakeSaga


def together(desks: Callable[..., Desk]) -> Network:
    return Network(desks("bank", "shop"))


def apart(desks: Callable[..., Desk]) -> Network:
    return Network(desks("bank"), desks("shop"))


async def test_a_whole_saga_is_one_transaction_if_hosted_together(desk: Desk, books: Books) -> None:
    await books.put("a", 100)
    envelope = said(Order(account="a", amount=30))
    async with desk.statements() as statements:
        answers = await desk.deliver(envelope)
    assert answers[envelope.id].status == "succeeded"
    assert answers[envelope.id].result == {"id": answers[envelope.id].result["id"], "status": "shipped"}  # type: ignore[index]
    assert statements.count("COMMIT") == 1
    assert await books.rows("SELECT amount, reserved FROM probe.accounts") == [(70, 0)]
    assert await books.count("runtime.inbox") == 0, "what never left needs no claim"
    assert await books.count("runtime.timers") == 0
    assert [post.envelope.type for post in desk.bus.posts] == [OrderPlaced.wire_name], "only others are told"


async def test_the_same_saga_apart_ends_the_same(desks: Callable[..., Desk], books: Books) -> None:
    for amount, status in ((30, "succeeded"), (1000, "failed")):
        results = []
        for arrange in (together, apart):
            account = f"{arrange.__name__}{amount}"
            await books.put(account, 100)
            network = arrange(desks)
            reply = await network.ask(said(Order(account=account, amount=amount)))
            left = await books.rows("SELECT amount, reserved FROM probe.accounts WHERE id = $1", account)
            [saga] = await books.rows(
                "SELECT phase, jsonb_path_query_array(history::jsonb, '$[*].what') FROM runtime.sagas "
                "WHERE progress->'saga'->>'account' = $1",
                account,
            )
            problem = reply.problem.code if reply.problem else None
            results.append((reply.status, problem, reply.result and reply.result["status"], left, saga))
        assert results[0] == results[1]
        assert results[0][0] == status
    assert await books.count("runtime.timers") == 0


async def test_apart_each_message_is_claimed_and_travels_on_its_own(desks: Callable[..., Desk], books: Books) -> None:
    await books.put("a", 100)
    network = apart(desks)
    envelope = said(Order(account="a", amount=30))
    await network.ask(envelope)
    sent = [kind for kind in network.log if kind.startswith("bank.")]
    assert sent == [Reserve.wire_name, Pay.wire_name]
    claims = await books.rows("SELECT domain, count(*) FROM runtime.inbox GROUP BY domain ORDER BY domain")
    assert claims == [("bank", 2), ("shop", 2)], "two commands there, two answers here"


async def test_a_refusal_by_the_pivot_undoes_apart_as_together(
    desks: Callable[..., Desk], books: Books, script: Script
) -> None:
    def refuse(_command: Pay, _uow: object) -> None:
        raise TooLittle

    script.before[Pay] = refuse
    for arrange in (together, apart):
        await books.put(arrange.__name__, 100)
        reply = await arrange(desks).ask(said(Order(account=arrange.__name__, amount=30)))
        assert reply.problem is not None
        assert reply.problem.code == "too_little"
        assert await books.amount(arrange.__name__) == 100
    assert [type(message) for message in script.handled] == [Order, Reserve, Pay, Free, Cancel] * 2


async def test_a_batch_has_at_most_sixteen_rounds(desk: Desk, books: Books, script: Script) -> None:
    await desk.deliver(said(Walk(account="a")))
    # The command, then a step in each round: the saga takes its turns in between.
    assert script.count(Step) == ROUNDS_MAX - 1
    assert len(desk.bus.posts) == 1
    assert await books.amount("a") == ROUNDS_MAX - 1


async def test_the_rest_goes_on_through_the_broker(desk: Desk, books: Books) -> None:
    reply = await Network(desk).ask(said(Walk(account="a")))
    assert reply.status == "succeeded"
    assert await books.amount("a") == STEPS


async def test_a_step_of_the_last_round_is_known_when_it_is_asked_again(desk: Desk, books: Books) -> None:
    """Its answer is on its way while the saga's timer asks again: doing it twice would double it."""
    network = Network(desk)
    await desk.deliver(Envelope("evt_1", WalkBegun.wire_name, WalkBegun(account="a")))
    [answer] = desk.bus.take()
    assert answer.envelope.type == Reply.wire_name
    assert await books.amount("a") == ROUNDS_MAX - 1
    await books.connection.execute("UPDATE runtime.timers SET due_at = now()")
    await desk.upkeep.fire_timers()
    await network.settle()
    assert network.log == [WakeSaga.wire_name, Step.wire_name]
    assert await books.amount("a") == ROUNDS_MAX - 1
    desk.bus.posts.append(answer)
    await network.settle()
    assert await books.amount("a") == STEPS


async def test_a_poisonous_later_round_fails_alone(desks: Callable[..., Desk], books: Books, script: Script) -> None:
    """The command that started it is done once; the step is tried again, and only the step."""

    def explode(command: Pay, _uow: object) -> None:
        if command.account == "bad":
            raise ZeroDivisionError

    script.before[Pay] = explode
    for account in ("bad", "good"):
        await books.put(account, 100)
    desk = desks("bank", "shop", max_attempts=2)
    bad, good = said(Order(account="bad", amount=30)), said(Order(account="good", amount=30))
    network = Network(desk)
    await network.send(bad, good, said(Deposit(account="good", amount=1)))
    assert await books.operation(good.id) == "succeeded"
    assert await books.operation(bad.id) == "pending"
    await network.settle()
    assert await books.rows("SELECT amount, reserved FROM probe.accounts ORDER BY id") == [(70, 30), (71, 0)]
    [letter] = desk.bus.letters
    assert b"ZeroDivisionError" in letter
    assert Pay.wire_name.encode() in letter
    assert script.count(Ship) == 1


async def test_an_event_starts_its_saga_once_and_is_told_to_those_who_react_even_if_hosted_here(
    desks: Callable[..., Desk], books: Books
) -> None:
    await books.put("a", 100)
    network = Network(desks("bank", "shop", "press", "museum"))
    await network.ask(said(Order(account="a", amount=30)))
    await network.ask(said(Deposit(account="a", amount=1)))
    assert await books.count("runtime.sagas") == 1
    heard = await books.rows("SELECT split_part(id, '_', 1), split_part(what, ' ', 1) FROM probe.notes ORDER BY 1, 2")
    assert heard == [("museum", "a"), ("press", "a"), ("press", "order")]
