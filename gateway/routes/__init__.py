"""The whole HTTP contract, a table per domain."""

from gateway.edge import Route
from gateway.routes import (
    callbacks,
    cards,
    identity,
    ledger,
    merchants,
    operations,
    ops,
    payments,
    topups,
    transfers,
    users,
    withdrawals,
)

TABLES = (
    identity.routes,
    users.routes,
    ledger.routes,
    topups.routes,
    transfers.routes,
    withdrawals.routes,
    cards.routes,
    merchants.routes,
    callbacks.routes,
    payments.routes,
    operations.routes,
    ops.routes,
)
ROUTES: tuple[Route, ...] = tuple(route for table in TABLES for route in table)
