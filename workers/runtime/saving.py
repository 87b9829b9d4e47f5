"""Save rows of many tables in one statement: writable CTEs over unnested arrays."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from workers.runtime.database import Connection
from workers.runtime.stored import Mapping, Unjoinable, mapping
from workers.runtime.unit_of_work import Changes

type Kinds = tuple[type[Any], ...]
type Rowsets = dict[type[Any], list[Any]]


async def save(connection: Connection, changes: Changes) -> None:
    """Insert, update and delete."""
    inserted = {kind: list(entities.values()) for kind, entities in changes.inserted.items() if entities}
    updated = {kind: list(entities.values()) for kind, entities in changes.updated.items() if entities}
    removed = {kind: list(keys) for kind, keys in changes.removed.items() if keys}
    if not (inserted or updated or removed):
        return
    try:
        joined, arrays = True, _arrays(inserted, updated, joined=True)
    except Unjoinable:
        joined, arrays = False, _arrays(inserted, updated, joined=False)
    statement = _statement(tuple(inserted), tuple(updated), tuple(removed), joined=joined)
    counts = await connection.fetchrow(statement, *arrays, *removed.values())
    expected = [len(entities) for entities in updated.values()]
    assert list(counts or ()) == expected, f"an update missed its row: {list(updated)} {counts} instead of {expected}"


def _arrays(inserted: Rowsets, updated: Rowsets, *, joined: bool) -> list[Any]:
    arrays: list[Any] = []
    for kind, entities in inserted.items():
        arrays += mapping(kind).arrays(entities, mapping(kind).columns, joined=joined)
    for kind, entities in updated.items():
        arrays += mapping(kind).arrays(entities, _written(mapping(kind)), joined=joined)
    return arrays


@cache
def _statement(inserted: Kinds, updated: Kinds, removed: Kinds, *, joined: bool) -> str:
    numbers = iter(range(1, 10_000))
    parts = [f"i{n} AS ({_insert(mapping(kind), numbers, joined=joined)})" for n, kind in enumerate(inserted)]
    parts += [f"u{n} AS ({_update(mapping(kind), numbers, joined=joined)})" for n, kind in enumerate(updated)]
    parts += [f"r{n} AS ({_delete(mapping(kind), numbers)})" for n, kind in enumerate(removed)]
    counts = ", ".join(f"(SELECT count(*) FROM u{n})" for n in range(len(updated)))
    return f"WITH {', '.join(parts)} SELECT {counts}"


def _insert(table: Mapping[Any], numbers: Iterator[int], *, joined: bool) -> str:
    arrays = ", ".join(column.array(next(numbers), joined=joined) for column in table.columns)
    names = ", ".join(column.name for column in table.columns)
    selected = ", ".join(column.selected for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {selected} FROM unnest({arrays}) AS d({names})"


def _update(table: Mapping[Any], numbers: Iterator[int], *, joined: bool) -> str:
    written = _written(table)
    arrays = ", ".join(column.array(next(numbers), joined=joined) for column in written)
    names = ", ".join(column.name for column in written)
    values = ", ".join(f"{column.name} = {column.selected}" for column in table.mutable)
    return f"UPDATE {table.name} AS t SET {values} FROM unnest({arrays}) AS d({names}) WHERE t.id = d.id RETURNING 1"


def _delete(table: Mapping[Any], numbers: Iterator[int]) -> str:
    return f"DELETE FROM {table.name} WHERE id = ANY(${next(numbers)}::text[])"


def _written(table: Mapping[Any]) -> tuple[Any, ...]:
    return (table.columns[0], *table.mutable)
