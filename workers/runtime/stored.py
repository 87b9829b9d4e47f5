"""How frozen entities map to rows: field names are column names, and one table order rules all locks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from pydantic_core import from_json, to_json
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql


class Entity(Protocol):
    """A `NamedTuple` with a text primary key `id`: frozen, made in a third of a dataclass's time, and a row already."""

    @property
    def id(self) -> str:
        """The primary key."""


@dataclass(frozen=True)
class Column:
    """One column: its place in the entity, its name and PostgreSQL type, how a value becomes what asyncpg takes."""

    position: int
    name: str
    type: str
    adapt: Callable[[Any], Any] | None

    def array(self, number: int, *, joined: bool) -> str:
        """Parameter `number` as the array that carries many values.

        Numbers, and texts where they are `joined`, travel as one text: asyncpg takes an eighth of the time for that.
        Times are microseconds. JSON is text already, for asyncpg would flatten nested lists.
        """
        if self.is_number:
            return f"string_to_array(${number}::text, {SEPARATOR_SQL}, {NULL_SQL})::bigint[]"
        if joined and self.type == "TEXT":
            return f"string_to_array(${number}::text, {SEPARATOR_SQL}, {NULL_SQL})"
        return f"${number}::text[]" if self.is_json else f"${number}::{self.type}[]"

    def encoded(self, values: Sequence[Any], *, joined: bool) -> Sequence[Any]:
        """Values as that parameter. Raises `Unjoinable`."""
        if self.adapt is not None:
            values = list(map(self.adapt, values))
        return _joined(values) if self.is_number or (joined and self.type == "TEXT") else values

    @property
    def selected(self) -> str:
        """How the unnested value becomes the column's."""
        if self.type == TIME:
            return f"'epoch'::timestamptz + d.{self.name} * interval '1 microsecond'"
        return f"d.{self.name}::{self.type}" if self.is_json else f"d.{self.name}"

    @property
    def is_number(self) -> bool:
        """Whether it is a whole number for PostgreSQL's arrays."""
        return self.type in ("BIGINT", TIME)

    @property
    def is_json(self) -> bool:
        """Whether it is decoded, and encoded."""
        return self.type in ("JSON", "JSONB")


@dataclass(frozen=True)
class Mapping[E]:
    """Where entities of one type live. `order` is their table's place in the global lock order."""

    entity: type[E]
    name: str
    order: int
    columns: tuple[Column, ...]
    mutable: tuple[Column, ...]
    has_json: bool

    def arrays(self, entities: Iterable[Any], columns: Sequence[Column], *, joined: bool) -> list[Sequence[Any]]:
        """These columns of many entities, each as one array; texts `joined` into one. Raises `Unjoinable`."""
        by_position = list(zip(*entities, strict=True))
        return [column.encoded(by_position[column.position], joined=joined) for column in columns]

    def load(self, row: Any) -> E:
        """An entity from a row that has the columns in order; JSON arrives as text."""
        if not self.has_json:
            return self.entity(*row)
        decoded = [
            from_json(value) if column.is_json and isinstance(value, str) else value
            for column, value in zip(self.columns, row, strict=True)
        ]
        return self.entity(*decoded)


class Unjoinable(Exception):
    """A text has a separator in it: it must travel in an array of its own."""


SEPARATOR, NULL = "\x1f", "\x1e"
SEPARATOR_SQL, NULL_SQL = "chr(31)", "chr(30)"
"""The ASCII characters for this purpose. Most texts may not have them, but what comes from elsewhere may."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME = "TIMESTAMP WITH TIME ZONE"
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

_mappings: dict[type[Any], Mapping[Any]] = {}


def stored(entity: type[Any], table: Table, *, order: int, mutable: Sequence[str] = ()) -> None:
    """Declare that `entity` (a `NamedTuple` whose fields are columns of `table`) is kept in `table`.

    `order` is unique per table; rows are locked in ascending order. Only `mutable` columns are ever updated.
    """
    columns = tuple(_column(table, position, name) for position, name in enumerate(entity._fields))
    assert columns[0].name == "id", f"{entity.__name__}: the first field is the primary key `id`"
    taken = [other for other in _mappings.values() if other.order == order and other.name != table.fullname]
    assert not taken, f"lock order {order} is {taken[0].name}'s"
    chosen = tuple(column for column in columns if column.name in mutable)
    assert len(chosen) == len(mutable), f"{entity.__name__}: a mutable column is not a field"
    has_json = any(column.is_json for column in columns)
    _mappings[entity] = Mapping(entity, table.fullname, order, columns, chosen, has_json)


def mapping[E](entity: type[E]) -> Mapping[E]:
    """The mapping of an entity type."""
    return _mappings[entity]


def _column(table: Table, position: int, name: str) -> Column:
    column = table.columns[name]
    kind = column.type.compile(dialect=DIALECT).partition(" COLLATE")[0]
    return Column(position, name, kind, ADAPT.get(kind))


def _digits(value: int | None) -> str | None:
    return None if value is None else str(value)


@lru_cache(maxsize=64)
def _microseconds(value: datetime | None) -> str | None:
    """Since the epoch, exactly. Most times of a batch are the batch's own."""
    return None if value is None else str((value - EPOCH) // timedelta(microseconds=1))


def _json_text(value: Any) -> str | None:
    return None if value is None else to_json(value).decode()


def _joined(values: Sequence[str | None]) -> str:
    """Texts in one. Raises `Unjoinable`."""
    nulls = values.count(None)
    text = SEPARATOR.join([NULL if value is None else value for value in values])
    # A single empty text would be read as no text at all.
    if not text or text.count(SEPARATOR) != len(values) - 1 or text.count(NULL) != nulls:
        raise Unjoinable
    return text


ADAPT: dict[str, Callable[[Any], Any]] = {
    "BIGINT": _digits,
    TIME: _microseconds,
    "JSON": _json_text,
    "JSONB": _json_text,
}
