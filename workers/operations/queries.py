"""What can be asked about operations, changes, sagas and dead letters; the runtime itself writes them."""

from typing import Any

from sqlalchemy import Row, select

from contracts.message import NotFound
from contracts.operations import (
    AuditEntryView,
    DeadLetterDetailsView,
    DeadLetterView,
    GetDeadLetter,
    GetOperation,
    GetReveals,
    GetSaga,
    ListAudit,
    ListDeadLetters,
    ListSagas,
    OperationView,
    RevealsView,
    SagaDetailsView,
    SagaView,
)
from contracts.pages import Page
from workers.operations import filters, rules
from workers.runtime.audit import audit
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.runtime.reveals import Reveals
from workers.runtime.stored import mapping
from workers.runtime.tables import Letter, Revealed, SagaRow, dead_letters, operations, reveals, sagas

queries = Queries("operations")

LETTERS = [dead_letters.c[name] for name in Letter._fields]
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


@queries.query(ListSagas)
async def list_sagas(query: ListSagas, reading: Reading) -> Page[SagaView]:
    """Business processes, newest first."""

    def view(row: Row[Any]) -> SagaView:
        return rules.saga_view(mapping(SagaRow).load(row), reading.now)

    chosen = select(sagas).where(*filters.of_sagas(query, reading.now))
    return await reading.page(query, chosen, (sagas.c.created_at, sagas.c.id), view)


@queries.query(GetSaga)
async def get_saga(query: GetSaga, reading: Reading) -> SagaDetailsView:
    """One of them with its history. Raises `NotFound`."""
    row = await reading.row(select(sagas).where(sagas.c.id == query.saga_id))
    if row is None:
        raise NotFound
    return rules.saga_details(mapping(SagaRow).load(row), reading.now)


@queries.query(ListDeadLetters)
async def list_dead_letters(query: ListDeadLetters, reading: Reading) -> Page[DeadLetterView]:
    """Messages that failed for good, newest first."""

    def view(row: Row[Any]) -> DeadLetterView:
        return rules.letter_view(mapping(Letter).load(row))

    chosen = select(*LETTERS).where(*filters.of_letters(query))
    return await reading.page(query, chosen, (dead_letters.c.died_at, dead_letters.c.id), view)


@queries.query(GetDeadLetter)
async def get_dead_letter(query: GetDeadLetter, reading: Reading) -> DeadLetterDetailsView:
    """One of them. Raises `NotFound`."""
    row = await reading.row(select(*LETTERS).where(dead_letters.c.id == query.letter_id))
    if row is None:
        raise NotFound
    return rules.letter_details(mapping(Letter).load(row))
