"""Each message decides in a view of its own, merged only when its handler returns."""

from tests.runtime.books import Books
from tests.runtime.desk import Desk, said
from tests.runtime.probe import Script
from tests.runtime.said.bank import Deposit, Deposited, Knock, Move
from tests.runtime.tables import Account, Note
from workers.runtime.unit_of_work import UnitOfWork


async def test_a_refusal_leaves_nothing_of_its_message_and_all_of_the_others(desk: Desk, books: Books) -> None:
    await books.put("a", 10)
    refused = said(Move(source="a", destination="b", amount=100))
    around = [said(Deposit(account="a", amount=1)), said(Deposit(account="b", amount=2))]
    answers = await desk.deliver(around[0], refused, around[1])
    assert [answers[one.id].status for one in (*around, refused)] == ["succeeded", "succeeded", "failed"]
    assert (await books.amount("a"), await books.amount("b")) == (11, 2)
    assert await books.count("probe.notes") == 0
    told = [post.envelope.cause for post in desk.bus.posts]
    assert told == [one.id for one in around]


async def test_a_refusal_that_is_returned_keeps_what_its_message_wrote(desk: Desk, books: Books) -> None:
    knocks = [said(Knock()) for _ in range(3)]
    answers = await desk.deliver(*knocks)
    for knock in knocks:
        problem = answers[knock.id].problem
        assert problem is not None
        assert (problem.code, problem.retry_after_seconds) == ("too_little", 7)
        assert knock.caller is not None
        assert await books.amount(knock.caller.principal) == 3
    assert [post.envelope.type for post in desk.bus.posts] == [Deposited.wire_name] * 3
    assert await books.rows("SELECT DISTINCT status FROM runtime.operations") == [("failed",)]


async def test_messages_of_a_batch_see_each_other_in_order(desk: Desk, books: Books) -> None:
    moves = [
        said(Deposit(account="a", amount=10)),
        said(Move(source="a", destination="b", amount=10)),
        said(Move(source="a", destination="b", amount=1)),
        said(Move(source="b", destination="a", amount=4)),
    ]
    answers = await desk.deliver(*moves)
    assert [answers[one.id].status for one in moves] == ["succeeded", "succeeded", "failed", "succeeded"]
    assert (await books.amount("a"), await books.amount("b")) == (4, 6)


async def test_a_row_that_is_added_and_saved_in_one_batch_is_inserted_once(desk: Desk, books: Books) -> None:
    await desk.deliver(*(said(Deposit(account="a", amount=1)) for _ in range(300)))
    assert await books.amount("a") == 300
    assert max(desk.bus.bundles) == 256
    assert sum(desk.bus.bundles) == 300


async def test_one_message_may_add_and_save_the_same_row(desk: Desk, books: Books, script: Script) -> None:
    def twice(_command: Deposit, uow: UnitOfWork) -> None:
        uow.add(Account("new", None, 1, 0))
        uow.save(uow.get(Account, "new")._replace(amount=7))

    script.before[Deposit] = twice
    await desk.do(Deposit(account="a", amount=1))
    assert await books.amount("new") == 7


async def test_only_mutable_columns_are_updated(desk: Desk, books: Books, script: Script) -> None:
    await books.put("a", 1)

    def rename(_command: Deposit, uow: UnitOfWork) -> None:
        uow.save(uow.get(Account, "a")._replace(name="other", amount=50))

    script.before[Deposit] = rename
    await desk.do(Deposit(account="a", amount=1))
    assert await books.rows("SELECT name, amount FROM probe.accounts") == [(None, 51)]


async def test_outputs_of_a_handler_have_derived_ids_in_order(desk: Desk, script: Script) -> None:
    def chatter(_command: Deposit, uow: UnitOfWork) -> None:
        uow.emit(Deposited(account="first", amount=0))

    script.before[Deposit] = chatter
    envelope = said(Deposit(account="a", amount=1))
    await desk.deliver(envelope)
    assert [post.envelope.id for post in desk.bus.posts] == [f"{envelope.id}:0", f"{envelope.id}:1"]
    assert [post.envelope.body["account"] for post in desk.bus.posts] == ["first", "a"]


async def test_what_a_batch_writes_is_one_statement_for_all_tables(desk: Desk, books: Books, script: Script) -> None:
    await books.put("a", 1)

    def note(_command: Deposit, uow: UnitOfWork) -> None:
        uow.add(Note(uow.id("note"), "x"))

    script.before[Deposit] = note
    await desk.do(Deposit(account="z", amount=1))
    async with desk.statements() as statements:
        await desk.deliver(said(Deposit(account="a", amount=1)), said(Deposit(account="new", amount=1)))
    [save] = [statement for statement in statements if statement.startswith("WITH")]
    for part in ("INTO probe.accounts", "UPDATE probe.accounts", "INTO probe.notes", "INTO runtime.operations"):
        assert part in save
    assert "INTO runtime.untold" in save
    assert "DELETE FROM runtime.untold" in save
