"""Days compared on a real database: again, at once, late, and by the clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from contracts.reconciliation import (
    GetReconciliation,
    ListReconciliations,
    Reconcile,
    ResolveReconciliationItem,
)
from tests.servers import Database
from tests.system import eventually
from tests.workers.client import Client
from workers.reconciliation import clock, rules, statements
from workers.reconciliation.rules import Line
from workers.runtime import database as workers_database
from workers.runtime.resources import Resources

DAY = datetime.now(UTC).date() - timedelta(days=1)
OPERATOR = "usr_operator"


class Bank:
    """A provider whose statements a test writes."""

    def __init__(self) -> None:
        self.lines: dict[date, list[Line]] = {}
        self.away = False

    async def statement(self, day: date, _resources: Resources) -> list[Line]:
        """What it says of a day."""
        if self.away:
            raise statements.Unavailable
        return self.lines.get(day, [])

    def charge(self, reference: str, amount: int, day: date = DAY) -> None:
        """It has charged."""
        self.lines.setdefault(day, []).append(Line("charge", reference, f"ch_{reference}", amount, "IDR"))


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    bank = Bank()
    monkeypatch.setitem(statements.SOURCES, "sandbox", bank.statement)
    return bank


@pytest.fixture
async def worker(start_worker: Callable[..., Awaitable[Any]]) -> Any:
    return await start_worker("reconciliation", "operations")


async def believe(database: Database, reference: str, amount: int, day: date = DAY, provider: str = "sandbox") -> None:
    """We believe that it was charged."""
    connection = await asyncpg.connect(database.app_url)
    key = rules.entry_id(("charge", reference))
    await connection.execute(
        "INSERT INTO reconciliation.entries VALUES ($1, 'charge', $2, $3, 'IDR', $4, now(), $5)",
        key,
        reference,
        amount,
        day,
        provider,
    )
    await connection.close()


async def compared(client: Client, day: date = DAY) -> dict[str, Any]:
    """What a comparison finds."""
    reply = await client.ask(Reconcile(date=day), OPERATOR)
    assert reply.result is not None, reply
    return reply.result


async def shown(client: Client, name: str) -> dict[str, Any]:
    """One with its exceptions, by reference."""
    reply = await client.ask(GetReconciliation(reconciliation_id=name), OPERATOR)
    assert reply.result is not None, reply
    return {one["reference"]: one for one in reply.result["items"]}


def counts(run: dict[str, Any]) -> tuple[int, ...]:
    return tuple(run[name] for name in ("matched", "missing_here", "missing_there", "different", "open"))


@pytest.mark.usefixtures("worker")
async def test_a_day_is_compared_resolved_and_compared_again(bank: Bank, client: Client, database: Database) -> None:
    for reference, amount in (("top_same", 5), ("top_other", 6), ("top_here", 7)):
        await believe(database, reference, amount)
    for reference, amount in (("top_same", 5), ("top_other", 60), ("top_there", 8)):
        bank.charge(reference, amount)
    run = await compared(client)
    assert counts(run) == (1, 1, 1, 1, 3)
    items = await shown(client, run["id"])
    assert {name: one["kind"] for name, one in items.items()} == {
        "top_other": "different",
        "top_here": "missing_there",
        "top_there": "missing_here",
    }
    resolve = ResolveReconciliationItem(
        reconciliation_id=run["id"], item_id=items["top_other"]["id"], reason="The bank's mistake."
    )
    clicks = await asyncio.gather(*(client.ask(resolve, OPERATOR) for _ in range(3)))
    assert [click.status for click in clicks] == ["succeeded"] * 3
    await believe(database, "top_there", 8)
    again = await compared(client)
    assert (again["id"], counts(again)) == (run["id"], (2, 0, 1, 1, 1))
    items = await shown(client, run["id"])
    assert {name: one["status"] for name, one in items.items()} == {
        "top_other": "resolved",
        "top_here": "open",
        "top_there": "settled",
    }
    listed = await client.ask(ListReconciliations(open=True), OPERATOR)
    assert listed.result is not None
    assert [one["id"] for one in listed.result["data"]] == [run["id"]]


@pytest.mark.usefixtures("worker")
async def test_another_providers_day_is_not_this_ones(bank: Bank, client: Client, database: Database) -> None:
    await believe(database, "top_theirs", 5, provider="other")
    assert counts(await compared(client)) == (0, 0, 0, 0, 0)
    bank.charge("top_theirs", 5)
    run = await compared(client)
    assert counts(run) == (0, 1, 0, 0, 1)
    assert (await shown(client, run["id"]))["top_theirs"]["ours"] is None


@pytest.mark.usefixtures("worker")
async def test_what_comes_late_clears_up_by_itself(bank: Bank, client: Client, database: Database) -> None:
    before = DAY - timedelta(days=3)
    await believe(database, "top_late", 5, before)
    first = await compared(client, before)
    assert counts(first) == (0, 0, 1, 0, 1)
    bank.charge("top_late", 5)
    assert counts(await compared(client)) == (1, 0, 0, 0, 0)
    assert (await shown(client, first["id"]))["top_late"]["status"] == "settled"


async def test_running_twice_at_once_makes_one_result(
    bank: Bank, client: Client, database: Database, start_worker: Callable[..., Awaitable[Any]]
) -> None:
    for _ in range(2):
        await start_worker("reconciliation", "operations")
    bank.charge("top_there", 8)
    await believe(database, "top_here", 7)
    runs = await asyncio.gather(*(compared(client) for _ in range(6)))
    assert {one["id"] for one in runs} == {rules.run_id("sandbox", DAY)}
    assert {counts(one) for one in runs} == {(0, 1, 1, 0, 2)}
    assert len(await shown(client, runs[0]["id"])) == 2


@pytest.mark.usefixtures("worker")
async def test_what_can_not_be_compared_says_why(bank: Bank, client: Client) -> None:
    async def code(command: Reconcile) -> str | None:
        reply = await client.ask(command, OPERATOR)
        return reply.problem.code if reply.problem else None

    assert await code(Reconcile(date=DAY + timedelta(days=2))) == "date_in_future"
    assert await code(Reconcile(date=DAY, provider="nobody")) == "provider_unknown"
    bank.away = True
    assert await code(Reconcile(date=DAY)) == "statement_unavailable"


async def test_the_clock_compares_the_last_days_once_a_morning(
    bank: Bank, worker: Any, client: Client, database: Database
) -> None:
    bank.charge("top_there", 8)
    morning = datetime.now(UTC).replace(hour=clock.BEGINS_HOUR)
    await clock.schedule(worker.database, morning.replace(hour=0))
    await asyncio.gather(*(clock.schedule(worker.database, morning) for _ in range(3)))
    connection = await asyncpg.connect(database.app_url)

    async def compared_all() -> bool:
        return bool(await connection.fetchval("SELECT count(*) = $1 FROM reconciliation.runs", clock.DAYS))

    await eventually("comparisons", 20, compared_all)
    await clock.schedule(worker.database, morning)
    assert await connection.fetchval("SELECT count(*) FROM runtime.timers") == 0, "done for today"
    await connection.close()
    run = (await shown(client, rules.run_id("sandbox", DAY)))["top_there"]
    assert (run["kind"], run["status"]) == ("missing_here", "open")
    await clock.measure(worker.database)


@pytest.fixture
async def clock_database(database: Database) -> AsyncIterator[workers_database.Database]:
    """What the clock of a worker that hosts nothing else would use."""
    opened = workers_database.Database(database.app_url, name="clock")
    yield opened
    await opened.close()


async def waiting(clock_database: workers_database.Database) -> int:
    """How many timers there are."""
    async with clock_database.transaction() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM runtime.timers"))


async def test_a_comparison_that_is_on_its_way_is_not_scheduled_again(
    clock_database: workers_database.Database,
) -> None:
    morning = datetime.now(UTC).replace(hour=clock.BEGINS_HOUR)
    await clock.schedule(clock_database, morning)
    async with clock_database.transaction() as connection:
        fired = await connection.execute("DELETE FROM runtime.timers")
    assert fired == f"DELETE {clock.DAYS}"
    await clock.schedule(clock_database, morning + timedelta(minutes=1))
    assert await waiting(clock_database) == 0, "its message is on its way"
    await clock.schedule(clock_database, morning + timedelta(days=1))
    assert await waiting(clock_database) == clock.DAYS
    await clock.schedule(clock_database, morning + timedelta(days=clock.KEPT_DAYS + 1))
    async with clock_database.transaction() as connection:
        kept = await connection.fetch("SELECT DISTINCT morning FROM reconciliation.mornings ORDER BY morning")
    days = [(row["morning"] - morning.date()).days for row in kept]
    assert days == [1, clock.KEPT_DAYS + 1], "what is long past is forgotten"


async def test_a_day_that_can_not_be_compared_dies_once_a_morning(
    bank: Bank,
    start_worker: Callable[..., Awaitable[Any]],
    clock_database: workers_database.Database,
    database: Database,
) -> None:
    bank.away = True
    worker = await start_worker("reconciliation", "operations", max_attempts=2)
    morning = datetime.now(UTC).replace(hour=clock.BEGINS_HOUR)
    connection = await asyncpg.connect(database.app_url)

    async def given_up() -> bool:
        return bool(await connection.fetchval("SELECT count(*) = $1 FROM runtime.dead_letters", clock.DAYS))

    await clock.schedule(clock_database, morning)
    await eventually("dead letters", 20, given_up)
    await connection.close()
    await worker.stop()
    await clock.schedule(clock_database, morning)
    assert await waiting(clock_database) == 0, "not again today"
