"""What can be asked about operations and changes; the runtime itself writes them."""

from typing import Any

from sqlalchemy import Row, select

from contracts.message import NotFound
from contracts.operations import (
    AuditEntryView,
    GetOperation,
    GetReveals,
    ListAudit,
    OperationView,
    RevealsView,
)
from contracts.pages import Page
from workers.runtime.audit import audit
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.runtime.reveals import Reveals
from workers.runtime.stored import mapping
from workers.runtime.tables import Revealed, operations, reveals

queries = Queries("operations")

SHOWN = [operations.c[name] for name in OperationView.model_fields]


@queries.query(GetOperation)
async def get_operation(query: GetOperation, reading: Reading) -> OperationView:
    """Where a command stands, for its caller. Raises `NotFound`."""
    row = await reading.row(select(operations.c.principal, *SHOWN).where(operations.c.id == query.operation_id))
    if row is None or not reading.caller.owns(row.principal):
        raise NotFound
    return OperationView.model_validate(row, from_attributes=True)


@queries.query(GetReveals)
async def get_reveals(query: GetReveals, reading: Reading) -> RevealsView:
    """What it shows its own principal: nobody oversees that. Nothing where there is nothing (left)."""
    assert reading.resources is not None, "reveals need the settings"
    row = await reading.row(select(reveals).where(reveals.c.id == query.operation_id))
    found = None if row is None else mapping(Revealed).load(row)
    if found is None or found.principal != reading.caller.principal:
        return RevealsView(values={})
    return RevealsView(values=Reveals.of(reading.resources.settings).opened(found, reading.now))


@queries.query(ListAudit)
async def list_audit(query: ListAudit, reading: Reading) -> Page[AuditEntryView]:
    """Everybody's changes: whoever may ask oversees them all."""
    wanted = select(audit)
    for name in ("actor", "action", "object"):
        if (value := getattr(query, name)) is not None:
            wanted = wanted.where(audit.c[name] == value)
    if query.created_from is not None:
        wanted = wanted.where(audit.c.created_at >= query.created_from)
    if query.created_to is not None:
        wanted = wanted.where(audit.c.created_at < query.created_to)
    return await reading.page(query, wanted, (audit.c.created_at, audit.c.id), _entry)


def _entry(row: Row[Any]) -> AuditEntryView:
    return AuditEntryView.model_validate(row, from_attributes=True)
