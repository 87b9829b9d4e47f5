"""What can be asked about transfers."""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, true

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
    wanted = _filters(query, caller)
    chosen = [select(transfers).where(side, *wanted) for side in _sides(query, caller)]

    def view(row: Row[Any]) -> TransferView:
        return read(row).view(to=caller)

    return await reading.page(query, chosen, (transfers.c.created_at, transfers.c.id), view)


def _sides(query: ListTransfers, caller: Caller) -> list[ColumnElement[bool]]:
    """Conditions that no transfer meets two of, and an index serves each."""
    sent, received = transfers.c.sender == caller.principal, transfers.c.recipient == caller.principal
    if query.direction is not None:
        return [sent if query.direction == "sent" else received]
    if caller.oversees:
        return [true()]
    return [sent, and_(received, transfers.c.sender != caller.principal)]


def _filters(query: ListTransfers, caller: Caller) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.status is not None:
        conditions.append(transfers.c.status == query.status)
    if query.created_from is not None:
        conditions.append(transfers.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(transfers.c.created_at < query.created_to)
    if query.wallet_id is not None:
        conditions.append(_touches(query.wallet_id, caller))
    if query.card_id is not None:
        conditions.append(_names(query.card_id, caller))
    return conditions


def _touches(wallet_id: str, caller: Caller) -> ColumnElement[bool]:
    arrived = transfers.c.destination == wallet_id
    if not caller.oversees:
        # Who sent to an e-mail address or a card must not find out the wallet behind it by filtering, either.
        open_ = and_(transfers.c.email.is_(None), transfers.c.destination_card.is_(None))
        arrived &= or_(open_, transfers.c.recipient == caller.principal)
    return or_(transfers.c.source == wallet_id, arrived)


def _names(card_id: str, caller: Caller) -> ColumnElement[bool]:
    sent = transfers.c.source_card == card_id
    if not caller.oversees:
        # Which card the money came from is its owner's business.
        sent &= transfers.c.sender == caller.principal
    return or_(sent, transfers.c.destination_card == card_id)
