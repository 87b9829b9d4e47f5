"""Load and lock what a round needs: one statement per table, tables in one global order, rows in order of their ids."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from contracts import ids
from workers.runtime.database import Connection
from workers.runtime.needs import Matching, Need, Rows
from workers.runtime.stored import Mapping, mapping
from workers.runtime.unit_of_work import World


async def load(connection: Connection, world: World, needs: Iterable[Need]) -> None:
    """Bring what is missing of `needs` into `world`, locked FOR NO KEY UPDATE until the transaction ends."""
    missing = world.missing(needs)
    if not missing:
        return
    await _lock_natural_keys(connection, missing)
    for kind in sorted({need.entity for need in missing}, key=lambda kind: mapping(kind).order):
        mine = [need for need in missing if need.entity is kind]
        await _load_rows(connection, world, kind, {key for need in mine if isinstance(need, Rows) for key in need.keys})
        await _load_matching(connection, world, kind, [need for need in mine if isinstance(need, Matching)])


async def _lock_natural_keys(connection: Connection, needs: list[Need]) -> None:
    exclusive = [need for need in needs if isinstance(need, Matching) and need.exclusive]
    if exclusive:
        keys = sorted({_advisory(need) for need in exclusive})
        await connection.execute("SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", keys)


def _advisory(need: Matching) -> int:
    parts = (mapping(need.entity).name, *need.columns, *map(str, need.values))
    return int.from_bytes(ids.digest(*parts, size=8), "big", signed=True)


async def _load_rows(connection: Connection, world: World, kind: type[Any], keys: set[str]) -> None:
    if not keys:
        return
    query = _by_id(kind)  # type: ignore[arg-type]  # mypy doubts that classes are hashable
    found = {row[0]: row for row in await connection.fetch(query, sorted(keys))}
    build = mapping(kind).load
    for key in keys:
        world.remember(kind, key, build(found[key]) if key in found else None)


async def _load_matching(connection: Connection, world: World, kind: type[Any], needs: list[Matching]) -> None:
    for columns in sorted({need.columns for need in needs}):
        values = sorted({need.values for need in needs if need.columns == columns})
        query = _by_values(kind, columns)  # type: ignore[arg-type]  # likewise
        rows = await connection.fetch(query, *map(list, zip(*values, strict=True)))
        index = world.indexes.setdefault((kind, columns), {})
        for value in values:
            index.setdefault(value, set())
        for entity in (mapping(kind).load(row) for row in rows):
            world.remember(kind, entity.id, entity)
            index[tuple(getattr(entity, column) for column in columns)].add(entity.id)
        _include_own(world, kind, columns)


def _include_own(world: World, kind: type[Any], columns: tuple[str, ...]) -> None:
    """What this batch added before anybody asked for these columns belongs to the answer too."""
    index = world.indexes[kind, columns]
    for entity in world.inserted.get(kind, {}).values():
        index.get(tuple(getattr(entity, column) for column in columns), set()).add(entity.id)


@cache
def _by_id(kind: type[Any]) -> str:
    table = mapping(kind)
    return (
        f"SELECT {_columns(table)} FROM {table.name} AS t WHERE t.id = ANY($1::text[]) ORDER BY t.id FOR NO KEY UPDATE"
    )


@cache
def _by_values(kind: type[Any], columns: tuple[str, ...]) -> str:
    table = mapping(kind)
    types = {column.name: column.type for column in table.columns}
    arrays = ", ".join(f"${number}::{types[name]}[]" for number, name in enumerate(columns, 1))
    equal = " AND ".join(f"t.{name} = d.{name}" for name in columns)
    return (
        f"SELECT {_columns(table)} FROM unnest({arrays}) AS d({', '.join(columns)}) "
        f"JOIN {table.name} AS t ON {equal} ORDER BY t.id FOR NO KEY UPDATE OF t"
    )


def _columns(table: Mapping[Any]) -> str:
    return ", ".join(f"t.{column.name}" for column in table.columns)
