"""What can be asked about withdrawals."""

from typing import Any

from sqlalchemy import ColumnElement, Row, select

from contracts.message import NotFound
from contracts.pages import Page
from contracts.withdrawals import GetWithdrawal, ListWithdrawals, WithdrawalView
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.withdrawals.tables import read, withdrawals

queries = Queries("withdrawals")


@queries.query(GetWithdrawal)
async def get_withdrawal(query: GetWithdrawal, reading: Reading) -> WithdrawalView:
    """One withdrawal. Raises `NotFound`."""
    row = await reading.row(select(withdrawals).where(withdrawals.c.id == query.withdrawal_id))
    if row is None or not reading.caller.owns(row.owner):
        raise NotFound
    return _view(row)


@queries.query(ListWithdrawals)
async def list_withdrawals(query: ListWithdrawals, reading: Reading) -> Page[WithdrawalView]:
    """The caller's withdrawals, or everybody's."""
    chosen = select(withdrawals).where(*_filters(query))
    if not reading.caller.oversees:
        chosen = chosen.where(withdrawals.c.owner == reading.caller.principal)
    return await reading.page(query, chosen, (withdrawals.c.created_at, withdrawals.c.id), _view)


def _filters(query: ListWithdrawals) -> list[ColumnElement[bool]]:
    conditions = [
        withdrawals.c[name] == value
        for name in ("status", "wallet_id", "card_id")
        if (value := getattr(query, name)) is not None
    ]
    if query.created_from is not None:
        conditions.append(withdrawals.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(withdrawals.c.created_at < query.created_to)
    return conditions


def _view(row: Row[Any]) -> WithdrawalView:
    return read(row).view()
