"""What can be asked about top-ups."""

from typing import Any

from sqlalchemy import ColumnElement, Row, select

from contracts.message import NotFound
from contracts.pages import Page
from contracts.topups import GetTopUp, ListTopUpMethods, ListTopUps, TopUpMethodsView, TopUpView
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.topups import methods
from workers.topups.tables import read, topups

queries = Queries("topups")


@queries.query(GetTopUp)
async def get_topup(query: GetTopUp, reading: Reading) -> TopUpView:
    """One top-up. Raises `NotFound`."""
    row = await reading.row(select(topups).where(topups.c.id == query.topup_id))
    if row is None or not reading.caller.owns(row.owner):
        raise NotFound
    return _view(row)


@queries.query(ListTopUps)
async def list_topups(query: ListTopUps, reading: Reading) -> Page[TopUpView]:
    """The caller's top-ups, or everybody's."""
    chosen = select(topups).where(*_filters(query))
    if not reading.caller.oversees:
        chosen = chosen.where(topups.c.owner == reading.caller.principal)
    return await reading.page(query, chosen, (topups.c.created_at, topups.c.id), _view)


@queries.query(ListTopUpMethods)
async def list_topup_methods(query: ListTopUpMethods, reading: Reading) -> TopUpMethodsView:
    """The method catalogue."""
    del query, reading
    return TopUpMethodsView(data=list(methods.CATALOGUE))


def _filters(query: ListTopUps) -> list[ColumnElement[bool]]:
    conditions = [
        topups.c[name] == value
        for name in ("status", "wallet_id", "card_id", "method")
        if (value := getattr(query, name)) is not None
    ]
    if query.created_from is not None:
        conditions.append(topups.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(topups.c.created_at < query.created_to)
    return conditions


def _view(row: Row[Any]) -> TopUpView:
    return read(row).view()
