"""A comparison, prepared beside the delivery loop: statements from the provider, our side from our own tables."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.reconciliation import DateInFuture, ProviderUnknown, Reconcile, ReconcileDay, StatementUnavailable
from workers.reconciliation import rules
from workers.reconciliation.rules import Comparison, Entry, Key, Line, Run
from workers.reconciliation.statements import SOURCES, Unavailable
from workers.reconciliation.tables import entries, items
from workers.runtime.handlers import Preparation
from workers.runtime.resources import Resources
from workers.runtime.stored import mapping

KEYS_AT_ONCE = 1_000
EXCEPTIONS_MAX = 1_000
"""How many exceptions of a day are kept one by one; all are counted. More than that is not for people to work off."""


class Prepared(NamedTuple):
    """What was found, when the statement was asked for, and which exceptions this may clear up."""

    run: Run
    found: Comparison
    clears: frozenset[str]

    @property
    def touched(self) -> list[str]:
        """The ids of all exceptions that this is about."""
        return [*self.clears, *(rules.item_id(self.run.provider, one.key) for one in self.found.exceptions)]


async def asked(command: Reconcile, preparation: Preparation) -> Prepared:
    """For a person, who is told why it can't be done. Raises `DateInFuture`, `StatementUnavailable`."""
    try:
        return await prepared(command, preparation)
    except Unavailable:
        raise StatementUnavailable from None


async def prepared(command: Reconcile | ReconcileDay, preparation: Preparation) -> Prepared:
    """For the clock, which tries again. Raises `Unavailable`."""
    resources, provider, day, at = preparation.resources, command.provider, command.date, datetime.now(UTC)
    if day > at.date():
        raise DateInFuture
    lines = await _statement(provider, day, resources)
    nearby = [line.key for near in _neighbours(day, at.date()) for line in await _statement(provider, near, resources)]
    async with resources.database.connect() as connection:
        known = await _entries(connection, provider, day, [line.key for line in lines])
        found = rules.compare(day, lines, known, nearby)
        run = Run.of(provider, day, found, at)
        clears = await _cleared(connection, run, found)
        return Prepared(run, found._replace(exceptions=found.exceptions[:EXCEPTIONS_MAX]), clears)


async def _statement(provider: str, day: date, resources: Resources) -> list[Line]:
    fetch = SOURCES.get(provider)
    if fetch is None:
        raise ProviderUnknown
    return await fetch(day, resources)


def _neighbours(day: date, today: date) -> list[date]:
    one = timedelta(days=1)
    return [near for near in (day - one, day + one) if near <= today]


async def _entries(connection: AsyncConnection, provider: str, day: date, keys: Sequence[Key]) -> dict[Key, Entry]:
    """Ours at this provider: of that day, and what the statement names."""
    found = await _read(connection, provider, entries.c.day == day)
    for part in batched({rules.entry_id(key) for key in keys}, KEYS_AT_ONCE):
        found += await _read(connection, provider, entries.c.id.in_(part))
    return {entry.key: entry for entry in found}


async def _read(connection: AsyncConnection, provider: str, condition: ColumnElement[bool]) -> list[Entry]:
    rows = await connection.execute(select(entries).where(entries.c.provider == provider, condition))
    return [mapping(Entry).load(row) for row in rows]


async def _cleared(connection: AsyncConnection, run: Run, found: Comparison) -> frozenset[str]:
    """Open exceptions that match now, and those of this day that are none any more."""
    still = {rules.item_id(run.provider, one.key) for one in found.exceptions}
    matched = [rules.item_id(run.provider, key) for key in found.matched]
    open_ones: set[str] = set(await _open(connection, items.c.run_id == run.id))
    for part in batched(matched, KEYS_AT_ONCE):
        open_ones |= set(await _open(connection, items.c.id.in_(part)))
    return frozenset(open_ones - still)


async def _open(connection: AsyncConnection, condition: ColumnElement[bool]) -> Iterable[str]:
    rows = await connection.execute(select(items.c.id).where(items.c.status == "open", condition))
    return [row.id for row in rows]
