"""What a query reads with: a read-only connection, and cursor pages."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Row, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.envelope import Caller
from contracts.message import View
from contracts.pages import CursorInvalid, Page, PageOf
from workers.runtime.resources import Resources


@dataclass(frozen=True, slots=True)
class Reading:
    """One query's connection, caller, time, and what the process has beside its database."""

    connection: AsyncConnection
    asker: Caller | None
    now: datetime
    resources: Resources | None = None

    @property
    def caller(self) -> Caller:
        """On whose behalf."""
        assert self.asker is not None, "this query has no caller"
        return self.asker

    async def rows(self, select: Select[Any]) -> Sequence[Row[Any]]:
        """All rows."""
        found: Sequence[Row[Any]] = (await self.connection.execute(select)).all()
        return found

    async def row(self, select: Select[Any]) -> Row[Any] | None:
        """The first row, if any."""
        found: Row[Any] | None = (await self.connection.execute(select)).first()
        return found

    async def page[V: View](
        self,
        query: PageOf[V],
        select: Select[Any] | Sequence[Select[Any]],
        by: Sequence[ColumnElement[Any]],
        view: Callable[[Row[Any]], V],
    ) -> Page[V]:
        """One page of `select`, newest first by the columns `by` (unique together). Raises `CursorInvalid`.

        Several selects without common rows are merged: each then reads its own index in order, and no further than
        a page, where an OR would sort everything.
        """
        parts = [select] if isinstance(select, Select) else select
        found = [row for part in parts for row in await self._head(query, part, by)]
        if len(parts) > 1:
            found.sort(key=lambda row: _values(row, by), reverse=True)
        data, more = found[: query.limit], len(found) > query.limit
        following = _cursor(_values(data[-1], by)) if more else None
        return Page(data=[view(row) for row in data], has_more=more, next=following)

    async def _head(
        self, query: PageOf[Any], select: Select[Any], by: Sequence[ColumnElement[Any]]
    ) -> Sequence[Row[Any]]:
        """The rows of a page, and one more if there is one."""
        if query.after is not None:
            select = select.where(tuple_(*by) < tuple_(*_cursor_values(query.after, by)))
        return await self.rows(select.order_by(*(column.desc() for column in by)).limit(query.limit + 1))


def page_of[V](query: PageOf[V], items: Sequence[V], key: Callable[[V], str]) -> Page[V]:
    """One page of all there is, in this order; `key` tells them apart. Raises `CursorInvalid`."""
    first = 0
    if query.after is not None:
        last = _decoded(query.after)
        first = next((place for place, one in enumerate(items, 1) if [key(one)] == last), 0)
        if not first:
            raise CursorInvalid
    data = list(items[first : first + query.limit])
    more = first + len(data) < len(items)
    return Page(data=data, has_more=more, next=_cursor([key(data[-1])]) if more else None)


def _values(row: Row[Any], by: Sequence[ColumnElement[Any]]) -> list[Any]:
    return [row._mapping[column] for column in by]


def _cursor(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(to_json(values)).decode().rstrip("=")


def _cursor_values(cursor: str, by: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        return [_typed(column, value) for column, value in zip(by, _decoded(cursor), strict=True)]
    except (ValueError, TypeError, OverflowError) as error:
        raise CursorInvalid from error


def _decoded(cursor: str) -> list[Any]:
    try:
        values = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise CursorInvalid from error
    if not isinstance(values, list):
        raise CursorInvalid
    return values


def _typed(column: ColumnElement[Any], value: Any) -> Any:
    expected = column.type.python_type
    if expected is datetime and isinstance(value, str):
        # A cursor is anybody's to forge: what PostgreSQL could not compare with must not reach it.
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment.astimezone(UTC)
    if type(value) is not expected or (expected is int and abs(value) >= 2**63) or (expected is str and "\0" in value):
        raise TypeError
    return value
