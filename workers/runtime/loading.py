"""Load and lock what a round needs: one statement per table, tables in one global order, rows in order of their ids."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from contracts import ids
from workers.runtime.database import Connection
from workers.runtime.needs import Matching, Need, Rows
from workers.runtime.stored import Mapping, mapping
from workers.runtime.unit_of_work import World


async def load(connection: Connection, world: World, missing: list[Need]) -> None:
    """Bring `missing` needs into `world`, locked FOR NO KEY UPDATE until the transaction ends."""
    if not missing:
        return
    await _lock_natural_keys(connection, missing)
    for kind in sorted({need.entity for need in missing}, key=lambda kind: mapping(kind).order):
        await _load_table(connection, world, kind, [need for need in missing if need.entity is kind])


async def _lock_natural_keys(connection: Connection, needs: list[Need]) -> None:
    exclusive = [need for need in needs if isinstance(need, Matching) and need.exclusive]
    if exclusive:
        keys = sorted({_advisory(need) for need in exclusive})
        await connection.execute("SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k", keys)


def _advisory(need: Matching) -> int:
    parts = (mapping(need.entity).name, *need.columns, *map(str, need.values))
    return int.from_bytes(ids.digest(*parts, size=8), "big", signed=True)


async def _load_table(connection: Connection, world: World, kind: type[Any], needs: list[Need]) -> None:
    keys = sorted({key for need in needs if isinstance(need, Rows) for key in need.keys})
    values = _values(need for need in needs if isinstance(need, Matching))
    arrays = [list(column) for one in values.values() for column in zip(*one, strict=True)]
    rows = await connection.fetch(_statement(mapping(kind), tuple(values)), keys, *arrays)
    found = [mapping(kind).load(row) for row in rows]
    for entity in found:
        world.remember(kind, entity.id, entity)
    for key in keys:
        world.remember(kind, key, None)
    for columns, wanted in values.items():
        index = world.indexes.setdefault((kind, columns), {})
        for value in wanted:
            index.setdefault(value, set())
        # What this batch has decided so far belongs to the answer too.
        for entity in (*found, *world.inserted.get(kind, {}).values(), *world.updated.get(kind, {}).values()):
            index.get(tuple(getattr(entity, column) for column in columns), set()).add(entity.id)


def _values(needs: Iterable[Matching]) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """The values asked for, by the columns that must have them."""
    found: dict[tuple[str, ...], set[tuple[Any, ...]]] = {}
    for need in needs:
        found.setdefault(need.columns, set()).add(need.values)
    return {columns: sorted(found[columns]) for columns in sorted(found)}


@cache
def _statement(table: Mapping[Any], by: tuple[tuple[str, ...], ...]) -> str:
    """One SELECT for one table: whoever locks rows in two would lock them in two orders."""
    numbers = iter(range(2, 10_000))
    matching = "".join(f" || ARRAY({_ids(table, columns, numbers)})" for columns in by)
    names = ", ".join(f"t.{column.name}" for column in table.columns)
    return (
        f"SELECT {names} FROM {table.name} AS t WHERE t.id = ANY($1::text[]{matching}) ORDER BY t.id FOR NO KEY UPDATE"
    )


def _ids(table: Mapping[Any], columns: tuple[str, ...], numbers: Any) -> str:
    types = {column.name: column.type for column in table.columns}
    arrays = ", ".join(f"${next(numbers)}::{types[name]}[]" for name in columns)
    equal = " AND ".join(f"m.{name} = d.{name}" for name in columns)
    names = ", ".join(columns)
    return f"SELECT m.id FROM unnest({arrays}) AS d({names}) JOIN {table.name} AS m ON {equal}"
