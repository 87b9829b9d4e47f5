"""What is shown once: sealed beside the outcome, opened for its own principal only, erased after minutes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from contracts.envelope import Caller
from contracts.operations import GetReveals, Reply
from tests.runtime.books import Books
from tests.runtime.desk import KEY, Desk, said
from tests.runtime.network import Network
from tests.runtime.probe import CODE, COMBINATION
from tests.runtime.said.bank import RentBox
from tests.runtime.said.shop import OrderBox
from tests.workers.client import Client
from workers.runtime.codes import Code
from workers.runtime.reveals import Reveals
from workers.runtime.sealing import SealBroken, Sealer
from workers.runtime.tables import Revealed

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SHOWN = {"combination": COMBINATION, "code": CODE.computed(bytes(32))}
NULLS: dict[str, Any] = {"combination": None, "code": None}


@pytest.fixture
def reveals() -> Reveals:
    return Reveals(Sealer([KEY]), bytes(32), seconds=600)


def test_what_is_sealed_opens_until_it_expires(reveals: Reveals) -> None:
    row = reveals.sealed("op_1", "usr_1", {"combination": COMBINATION, "code": CODE}, NOW)
    assert reveals.opened(row, NOW + timedelta(seconds=599)) == SHOWN
    assert reveals.opened(row, NOW + timedelta(seconds=600)) == {}


def test_a_row_opens_for_no_other_operation_or_principal(reveals: Reveals) -> None:
    row = reveals.sealed("op_1", "usr_1", {"combination": COMBINATION}, NOW)
    for other in (row._replace(id="op_2"), row._replace(principal="usr_2")):
        with pytest.raises(SealBroken):
            reveals.opened(other, NOW)


@given(st.lists(st.text(max_size=20), max_size=3), st.binary(min_size=32, max_size=32), st.integers(1, 9))
def test_a_code_is_so_many_digits_of_its_key_and_parts(parts: list[str], key: bytes, digits: int) -> None:
    code = Code(digits, tuple(parts)).computed(key)
    assert len(code) == digits
    assert code.isdecimal()
    assert code == Code(digits, tuple(parts)).computed(key)


def test_other_parts_or_another_key_give_another_code() -> None:
    one = Code(9, ("ab", "c"))
    assert one.computed(bytes(32)) != Code(9, ("a", "bc")).computed(bytes(32))
    assert one.computed(bytes(32)) != one.computed(b"k" * 32)
    assert "ab" not in repr(one)


async def test_a_command_reveals_beside_its_outcome(desk: Desk, books: Books, reveals: Reveals) -> None:
    rented = said(RentBox())
    answer = (await desk.deliver(rented))[rented.id]
    assert answer.result is not None
    assert answer.result | NULLS == answer.result
    assert await _opened(books, reveals) == (rented.operation, SHOWN)
    assert not await _leaks(books, desk)


async def test_a_saga_reveals_in_one_batch(desk: Desk, books: Books, reveals: Reveals) -> None:
    ordered = said(OrderBox())
    answer = (await desk.deliver(ordered))[ordered.id]
    assert answer.status == "succeeded"
    assert await _opened(books, reveals) == (ordered.operation, SHOWN)
    assert not await _leaks(books, desk)


async def test_a_saga_reveals_over_the_broker(desks: Callable[..., Desk], books: Books, reveals: Reveals) -> None:
    bank, shop = desks("bank"), desks("shop")
    ordered = said(OrderBox())
    answer = await Network(bank, shop).ask(ordered)
    assert answer.status == "succeeded"
    assert answer.result is not None
    assert answer.result | NULLS == answer.result
    assert await _opened(books, reveals) == (ordered.operation, SHOWN)
    assert not await _leaks(books, bank, shop)


async def test_a_refused_command_reveals_nothing(desk: Desk, books: Books) -> None:
    assert (await desk.do(RentBox(poor=True))).status == "failed"
    assert await books.count("runtime.reveals") == 0


async def test_only_its_own_principal_is_shown_it_and_only_for_a_while(
    start: Callable[..., Any], client: Client, books: Books
) -> None:
    await start("bank")
    await start("operations")
    rented = client.envelope(RentBox(), "usr_1")
    await client.send(rented)
    assert (await client.final(rented)).status == "succeeded"

    async def looks(principal: str, **as_who: Any) -> Any:
        reply = await client.ask(GetReveals(operation_id=rented.id), principal, **as_who)
        assert reply.result is not None
        return reply.result["values"]

    assert await looks("usr_1") == SHOWN
    assert await looks("usr_1") == SHOWN
    assert await looks("usr_2", oversees=True) == {}
    await books.connection.execute("UPDATE runtime.reveals SET expires_at = now()")
    assert await looks("usr_1") == {}


async def test_the_sweeper_erases_what_was_shown_long_enough(desk: Desk, books: Books) -> None:
    await desk.deliver(said(RentBox()), said(RentBox(), caller=Caller("usr_2")))
    await books.connection.execute("UPDATE runtime.reveals SET expires_at = now() WHERE principal = 'usr_2'")
    assert not await desk.upkeep.forget_reveals()
    assert await books.rows("SELECT principal FROM runtime.reveals") == [("usr_test",)]


async def _opened(books: Books, reveals: Reveals) -> tuple[str, dict[str, str]]:

    row = Revealed(*await books.connection.fetchrow("SELECT id, principal, sealed, expires_at FROM runtime.reveals"))
    return row.id, reveals.opened(row, datetime.now(UTC))


async def _leaks(books: Books, *desks: Desk) -> list[str]:
    """What holds one of the values in clear: rows, what was published, what was answered."""
    tables = await books.rows("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'runtime'")
    kept = {table: repr(await books.rows(f"SELECT t::text FROM {table} AS t")) for (table,) in tables}
    for desk in desks:
        kept[f"published {desk.domains}"] = to_json(desk.bus.posts).decode()
        kept[f"answered {desk.domains}"] = to_json(
            [Reply.model_validate(one.body) for one in desk.bus.replies]
        ).decode()
    return [place for place, text in kept.items() if COMBINATION in text]
