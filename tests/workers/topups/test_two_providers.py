"""Two providers side by side: each has its own routes, its own names for payments, and its own statement."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from contracts.reconciliation import Reconcile
from tests.system import eventually
from tests.workers.topups.conftest import Counter
from workers.provider import routing
from workers.reconciliation import statements

OTHER = "other"
ENTRIES = "SELECT provider FROM reconciliation.entries ORDER BY provider"
SAME_NAME = """
UPDATE topups.topups SET provider_id = (SELECT provider_id FROM topups.topups WHERE provider = 'sandbox'), provider = $1
WHERE provider = 'other'
"""


@pytest.fixture(autouse=True)
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A provider that is the same sandbox by another name, and gets all of GoPay."""
    monkeypatch.setitem(routing.ADAPTERS, OTHER, routing.ADAPTERS["sandbox"])
    monkeypatch.setitem(statements.SOURCES, OTHER, statements.SOURCES["sandbox"])
    routing.use({"gopay": OTHER})
    yield
    routing.use({})


async def _compared(counter: Counter, provider: str) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    reply = await counter.client.ask(Reconcile(date=today, provider=provider), "usr_operator")
    assert reply.result is not None, reply
    return reply.result


async def test_what_one_provider_did_is_not_missed_at_another(counter: Counter) -> None:
    wallet = await counter.wallet()
    for method, amount in (("ovo", 1_000), ("gopay", 2_000), ("gopay", 3_000)):
        assert (await counter.topup(wallet, amount, method=method)).status == "succeeded"
    connection = await asyncpg.connect(counter.database.app_url)

    async def heard() -> bool:
        return [row["provider"] for row in await connection.fetch(ENTRIES)] == [OTHER, OTHER, "sandbox"]

    await eventually("reconciliation has heard", 15, heard)
    await connection.close()
    # Both statements are the one of the same sandbox: what is not each one's own stands there, and not here.
    theirs = await _compared(counter, "sandbox")
    others = await _compared(counter, OTHER)
    names = ("matched", "missing_here", "missing_there", "different")
    assert [theirs[name] for name in names] == [1, 2, 0, 0]
    assert [others[name] for name in names] == [2, 1, 0, 0]


async def test_each_provider_numbers_its_payments_for_itself(counter: Counter) -> None:
    wallet = await counter.wallet()
    for method in ("ovo", "gopay"):
        assert (await counter.topup(wallet, 1_000, method=method)).status == "succeeded"
    connection = await asyncpg.connect(counter.database.owner_url)
    assert await connection.execute(SAME_NAME, OTHER) == "UPDATE 1"
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(SAME_NAME, "sandbox")
    await connection.close()
