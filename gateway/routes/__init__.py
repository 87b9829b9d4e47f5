"""The whole HTTP contract, a table per domain."""

from gateway.edge import Route
from gateway.routes import cards, identity, ledger, merchants, operations, ops, topups, transfers

TABLES = (
    identity.routes,
    ledger.routes,
    topups.routes,
    transfers.routes,
    cards.routes,
    merchants.routes,
    operations.routes,
    ops.routes,
)
ROUTES: tuple[Route, ...] = tuple(route for table in TABLES for route in table)
