"""What can be asked about reconciliations."""

from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from contracts.message import NotFound
from contracts.pages import Page
from contracts.reconciliation import (
    GetReconciliation,
    ListReconciliations,
    ReconciliationDetailsView,
    ReconciliationView,
)
from workers.reconciliation.rules import Item, Run
from workers.reconciliation.tables import items, runs
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.runtime.stored import mapping

queries = Queries("reconciliation")

ITEMS_MAX = 1_000
OPEN = (
    select(func.count())
    .select_from(items)
    .where(items.c.run_id == runs.c.id, items.c.status == "open")
    .correlate(runs)
    .scalar_subquery()
)
SHOWN = select(runs, OPEN.label("open"))


@queries.query(ListReconciliations)
async def list_reconciliations(query: ListReconciliations, reading: Reading) -> Page[ReconciliationView]:
    """The last compared first."""
    conditions: list[ColumnElement[bool]] = []
    if query.provider is not None:
        conditions.append(runs.c.provider == query.provider)
    if query.open is not None:
        conditions.append(OPEN > 0 if query.open else OPEN == 0)
    return await reading.page(query, SHOWN.where(*conditions), (runs.c.compared_at, runs.c.id), _view)


@queries.query(GetReconciliation)
async def get_reconciliation(query: GetReconciliation, reading: Reading) -> ReconciliationDetailsView:
    """One with its exceptions, open ones first. Raises `NotFound`."""
    row = await reading.row(SHOWN.where(runs.c.id == query.reconciliation_id))
    if row is None:
        raise NotFound
    of_it = select(items).where(items.c.run_id == query.reconciliation_id)
    found = await reading.rows(of_it.order_by(items.c.status, items.c.found_at, items.c.id).limit(ITEMS_MAX))
    shown = [mapping(Item).load(item).view() for item in found]
    return ReconciliationDetailsView(**_view(row).model_dump(), items=shown)


def _view(row: Row[Any]) -> ReconciliationView:
    return mapping(Run).load(row[:-1]).view(row.open)
