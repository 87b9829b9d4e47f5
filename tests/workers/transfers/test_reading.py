"""Who sees which transfers, and in which order."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import ValidationError

from contracts.transfers import ListTransfers
from tests.servers import Database
from tests.workers.transfers.conftest import Bank

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
        ListTransfers(created_from=moment)  # type: ignore[arg-type] - as it comes in a query string


async def test_a_page_reads_only_a_page(bank: Bank, database: Database) -> None:
    """An OR over both sides would sort all that somebody ever sent and received."""
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute(
        """
        INSERT INTO transfers.transfers (id, status, sender, source, destination, recipient, amount, currency,
                                         metadata, created_at, completed_at)
        SELECT 'trf_' || n, 'completed', CASE WHEN n % 2 = 0 THEN 'usr_busy' ELSE 'usr_' || n END, 'wal_a', 'wal_b',
               CASE WHEN n % 2 = 0 THEN 'usr_' || n ELSE 'usr_busy' END, 1, 'IDR', '{}',
               $1::timestamptz + n * interval '1 ms', $1::timestamptz + n * interval '1 ms'
        FROM generate_series(1, 20000) AS n
        """,
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    await connection.execute("ANALYZE transfers.transfers")
    before = await _read(connection)
    reply = await bank.client.ask(ListTransfers(limit=10), "usr_busy")
    assert reply.result is not None
    assert [one["id"] for one in reply.result["data"][:2]] == ["trf_20000", "trf_19999"]
    after = await _read(connection)
    await connection.close()
    assert after - before < 1_000
    assert timedelta(0) < timedelta(milliseconds=1)


async def _read(connection: asyncpg.Connection) -> int:
    await connection.execute("SELECT pg_stat_force_next_flush()")
    rows: int = await connection.fetchval(
        "SELECT coalesce(seq_tup_read + idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'transfers'"
    )
    return rows
