"""Save a batch in one statement: writable CTEs over unnested arrays."""

from functools import cache
from typing import Any

from workers.runtime.database import Connection
from workers.runtime.stored import Mapping, mapping
from workers.runtime.unit_of_work import World

type Kinds = tuple[type[Any], ...]


async def save(connection: Connection, world: World) -> None:
    """Insert, update and delete everything that the batch decided."""
    inserted = {kind: list(entities.values()) for kind, entities in world.inserted.items() if entities}
    updated = {kind: list(entities.values()) for kind, entities in world.updated.items() if entities}
    removed = {kind: list(keys) for kind, keys in world.removed.items() if keys}
    if not (inserted or updated or removed):
        return
    arrays: list[Any] = []
    for kind, entities in inserted.items():
        arrays += mapping(kind).arrays(entities, mapping(kind).columns)
    for kind, entities in updated.items():
        arrays += mapping(kind).arrays(entities, _written(mapping(kind)))
    arrays += removed.values()
    counts = await connection.fetchrow(_statement(tuple(inserted), tuple(updated), tuple(removed)), *arrays)
    expected = [len(entities) for entities in updated.values()]
    assert list(counts or ()) == expected, f"an update missed its row: {list(updated)} {counts} instead of {expected}"


@cache
def _statement(inserted: Kinds, updated: Kinds, removed: Kinds) -> str:
    numbers = iter(range(1, 10_000))
    parts = [f"i{n} AS ({_insert(mapping(kind), numbers)})" for n, kind in enumerate(inserted)]
    parts += [f"u{n} AS ({_update(mapping(kind), numbers)})" for n, kind in enumerate(updated)]
    parts += [f"r{n} AS ({_delete(mapping(kind), numbers)})" for n, kind in enumerate(removed)]
    counts = ", ".join(f"(SELECT count(*) FROM u{n})" for n in range(len(updated)))
    return f"WITH {', '.join(parts)} SELECT {counts}"


def _insert(table: Mapping[Any], numbers: Any) -> str:
    arrays = ", ".join(f"${next(numbers)}::{column.array_type}" for column in table.columns)
    names = ", ".join(column.name for column in table.columns)
    selected = ", ".join(column.selected for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {selected} FROM unnest({arrays}) AS d({names})"


def _update(table: Mapping[Any], numbers: Any) -> str:
    written = _written(table)
    arrays = ", ".join(f"${next(numbers)}::{column.array_type}" for column in written)
    names = ", ".join(column.name for column in written)
    values = ", ".join(f"{column.name} = {column.selected}" for column in table.mutable)
    return f"UPDATE {table.name} AS t SET {values} FROM unnest({arrays}) AS d({names}) WHERE t.id = d.id RETURNING 1"


def _delete(table: Mapping[Any], numbers: Any) -> str:
    return f"DELETE FROM {table.name} WHERE id = ANY(${next(numbers)}::text[])"


def _written(table: Mapping[Any]) -> tuple[Any, ...]:
    return (table.columns[0], *table.mutable)
