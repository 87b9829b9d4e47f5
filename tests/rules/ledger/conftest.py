"""A fresh ledger for each test."""

import pytest

from tests.rules.ledger.books import Books
from workers.ledger import chart


@pytest.fixture
def books() -> Books:
    """An empty ledger, on stripe 0 of the system's accounts."""
    chart.use_stripe(0)
    return Books()
