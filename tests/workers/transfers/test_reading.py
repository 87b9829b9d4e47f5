"""Who sees which transfers, and in which order."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError
from sqlalchemy import Row, Select, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.envelope import Caller
from contracts.transfers import ListTransfers
from tests.servers import Database
from tests.workers.transfers.conftest import Bank
from workers.runtime.reading import Reading
from workers.transfers.queries import list_transfers

SENDER, RECEIVER, STRANGER = "usr_sender", "usr_receiver", "usr_stranger"


async def test_only_its_two_sides_and_operators_see_it(bank: Bank) -> None:
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    reply = await bank.send(SENDER, source, 300, wallet_id=destination)
    assert reply.result is not None
    transfer = reply.result["id"]
    for viewer in (SENDER, RECEIVER):
        assert (await bank.get(viewer, transfer)).result == reply.result
        assert [one.id for one in await bank.list(viewer)] == [transfer]
    assert (await bank.get(STRANGER, transfer, oversees=True)).result == reply.result
    assert len(await bank.list(STRANGER, oversees=True)) == 1
    unseen = await bank.get(STRANGER, transfer)
    assert unseen.problem is not None
    assert unseen.problem.code == "not_found"
    assert (await bank.get(STRANGER, "trf_none")).problem == unseen.problem
    assert await bank.list(STRANGER) == []


async def test_a_refused_transfer_is_only_its_senders(bank: Bank) -> None:
    source, destination = await bank.wallet(SENDER), await bank.wallet(RECEIVER)
    await bank.send(SENDER, source, 300, wallet_id=destination)
    assert len(await bank.list(SENDER)) == 1
    assert await bank.list(RECEIVER) == []


async def test_lists_are_newest_first_in_pages_and_miss_nothing(bank: Bank) -> None:
    mine, theirs = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER, 1_000)
    for number in range(5):
        await bank.send(SENDER, mine, 10 + number, wallet_id=theirs)
        await bank.send(RECEIVER, theirs, 20 + number, wallet_id=mine)
    everything = await bank.list(SENDER, limit=3)
    assert [one.amount for one in everything] == [24, 14, 23, 13, 22, 12, 21, 11, 20, 10]
    assert [one.amount for one in await bank.list(SENDER, direction="sent", limit=2)] == [14, 13, 12, 11, 10]
    received = await bank.list(SENDER, direction="received", limit=2)
    assert [one.amount for one in received] == [24, 23, 22, 21, 20]
    assert await bank.list(RECEIVER, limit=4) == everything
    assert await bank.list(STRANGER, oversees=True, limit=4) == everything
    assert await bank.list(STRANGER, oversees=True, direction="sent") == []


async def test_lists_filter(bank: Bank) -> None:
    first, second = await bank.wallet(SENDER, 1_000), await bank.wallet(SENDER, 1_000)
    theirs = await bank.wallet(RECEIVER)
    await bank.send(SENDER, first, 1, wallet_id=theirs)
    await bank.send(SENDER, second, 2, wallet_id=theirs)
    await bank.send(SENDER, second, 5_000, wallet_id=theirs)
    await bank.send(SENDER, second, 3, wallet_id=first)
    assert [one.amount for one in await bank.list(SENDER, wallet_id=first)] == [3, 1]
    assert [one.amount for one in await bank.list(SENDER, wallet_id=theirs)] == [5_000, 2, 1]
    assert [one.amount for one in await bank.list(SENDER, status="failed")] == [5_000]
    assert [one.amount for one in await bank.list(RECEIVER, wallet_id=second)] == [2]
    times = [one.created_at for one in await bank.list(SENDER)]
    assert [one.amount for one in await bank.list(SENDER, created_from=times[1])] == [3, 5_000]
    assert [one.amount for one in await bank.list(SENDER, created_to=times[1])] == [2, 1]
    elsewhere = times[1].astimezone(tz=None)
    assert len(await bank.list(SENDER, created_from=elsewhere)) == 2


async def test_a_filter_does_not_tell_whose_wallet_an_address_is(bank: Bank) -> None:
    receiver = await bank.person("budi")
    source, hidden = await bank.wallet(SENDER, 1_000), await bank.wallet(receiver)
    await bank.send(SENDER, source, 1, email="budi@example.com")
    assert await bank.list(SENDER, wallet_id=hidden) == []
    assert await bank.list(SENDER, wallet_id=hidden, direction="sent") == []
    assert len(await bank.list(SENDER, wallet_id=source)) == 1
    assert len(await bank.list(receiver, wallet_id=hidden)) == 1
    assert len(await bank.list(STRANGER, wallet_id=hidden, oversees=True)) == 1


@pytest.mark.parametrize("moment", ["2026-11-22T12:00:00", "0001-01-01T00:00:00+14:00", "yesterday"])
def test_a_time_to_filter_by_is_the_same_everywhere(moment: str) -> None:
    with pytest.raises(ValidationError):
        ListTransfers.model_validate({"created_from": moment})


MANY = """
INSERT INTO transfers.transfers (id, status, sender, source, destination, recipient, amount, currency, metadata,
                                 created_at, completed_at)
SELECT 'trf_' || n, 'completed', CASE WHEN n % 2 = 0 THEN 'usr_busy' ELSE 'usr_' || n END, 'wal_a', 'wal_b',
       CASE WHEN n % 2 = 0 THEN 'usr_' || n ELSE 'usr_busy' END, 1, 'IDR', '{}',
       now() + n * interval '1 ms', now() + n * interval '1 ms'
FROM generate_series(1, 20000) AS n
"""


class Explaining(Reading):
    """Keeps the plans of what it reads."""

    plans: ClassVar[list[str]] = []

    async def rows(self, select: Select[Any]) -> Sequence[Row[Any]]:
        options = {"literal_binds": True}
        statement = select.compile(dialect=self.connection.dialect, compile_kwargs=options)
        lines = await self.connection.exec_driver_sql(f"EXPLAIN {statement}")
        self.plans.append("\n".join(lines.scalars()))
        return await super().rows(select)


async def test_a_page_of_both_sides_is_read_in_order_and_no_further(database: Database) -> None:
    """An OR over sender and recipient would sort all that somebody ever sent and received."""
    engine = create_async_engine(make_url(database.admin_url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.execute(text(MANY))
        await connection.execute(text("ANALYZE transfers.transfers"))
        reading = Explaining(connection, Caller("usr_busy"), datetime.now(UTC))
        first = await list_transfers(ListTransfers(limit=10), reading)
        await list_transfers(ListTransfers(limit=10, after=first.next), reading)
    await engine.dispose()
    assert [one.id for one in first.data[:2]] == ["trf_20000", "trf_19999"]
    for plan in reading.plans:
        assert re.search(r"Index Scan using transfers_(sent|received)", plan), plan
        assert "Sort" not in plan
