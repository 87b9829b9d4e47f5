"""The gauge of what is unknown."""

import pytest

from tests.servers import Database as Given
from workers.runtime import unknowns
from workers.runtime.database import Database
from workers.runtime.telemetry import metrics


@pytest.mark.parametrize("table", ["topups.topups", "withdrawals.withdrawals"])
async def test_nothing_is_unknown_at_first(database: Given, table: str) -> None:
    opened = Database(database.app_url, name="test")
    domain = table.partition(".")[0]
    metrics.unknown.labels(domain).set(5)
    await unknowns.measured(domain, table)(opened)
    await opened.close()
    assert metrics.unknown.labels(domain)._value.get() == 0
    assert metrics.oldest_unknown_seconds.labels(domain)._value.get() == 0
