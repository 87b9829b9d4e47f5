"""What can be asked about transfers."""

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, false, or_, select, true, union_all
from sqlalchemy.sql.selectable import FromClause

from contracts.envelope import Caller
from contracts.message import NotFound
from contracts.pages import Page
from contracts.transfers import GetTransfer, ListTransfers, TransferView
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.transfers.tables import read, transfers

queries = Queries("transfers")


@queries.query(GetTransfer)
async def get_transfer(query: GetTransfer, reading: Reading) -> TransferView:
    """One transfer, for both of its sides. Raises `NotFound`."""
    row = await reading.row(select(transfers).where(transfers.c.id == query.transfer_id))
    transfer = None if row is None else read(row)
    if transfer is None or not transfer.visible_to(reading.caller):
        raise NotFound
    return transfer.view(to=reading.caller)


@queries.query(ListTransfers)
async def list_transfers(query: ListTransfers, reading: Reading) -> Page[TransferView]:
    """The caller's transfers, sent and received."""
    caller = reading.caller
    found = _sides(query, caller)
    chosen = select(found).where(*_filters(query, found, caller))

    def view(row: Row[Any]) -> TransferView:
        return read(row).view(to=caller)

    return await reading.page(query, chosen, (found.c.created_at, found.c.id), view)


def _sides(query: ListTransfers, caller: Caller) -> FromClause:
    sent, received = transfers.c.sender == caller.principal, transfers.c.recipient == caller.principal
    if query.direction is not None:
        return _where(sent if query.direction == "sent" else received).subquery()
    if caller.oversees:
        return transfers
    # Not an OR: PostgreSQL merges two index scans in order of time, and stops after a page of them.
    other = and_(received, transfers.c.sender != caller.principal)
    return union_all(_where(sent), _where(other)).subquery()


def _where(condition: ColumnElement[bool]) -> Select[Any]:
    return select(transfers).where(condition)


def _filters(query: ListTransfers, found: FromClause, caller: Caller) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.status is not None:
        conditions.append(found.c.status == query.status)
    if query.created_from is not None:
        conditions.append(found.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(found.c.created_at < query.created_to)
    if query.wallet_id is not None:
        conditions.append(_touches(query.wallet_id, found, caller))
    return conditions


def _touches(wallet_id: str, found: FromClause, caller: Caller) -> ColumnElement[bool]:
    # Who sent to an e-mail address must not find out the wallet behind it by filtering, either.
    shown = or_(true() if caller.oversees else false(), found.c.email.is_(None), _mine(found, caller))
    return or_(found.c.source == wallet_id, and_(found.c.destination == wallet_id, shown))


def _mine(found: FromClause, caller: Caller) -> ColumnElement[bool]:
    return found.c.recipient == caller.principal
