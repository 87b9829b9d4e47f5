"""How a statement compares with our side, and what becomes of exceptions: pure, without a database or a clock."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from contracts import ids
from contracts.reconciliation import (
    ItemKind,
    ItemSettled,
    ItemStatus,
    LineType,
    ReconciliationItemView,
    ReconciliationView,
)

type Key = tuple[LineType, str]
"""The type of a line and our reference for it: what both sides know it by. A reference is at one provider for ever."""

REVERSES: dict[LineType, LineType] = {"charge": "charge_reversal", "payout": "payout_reversal"}


class Entry(NamedTuple):
    """Our side of one line, at `provider`. `id` is derived from its key; `day` is when we heard of it (UTC)."""

    id: str
    type: LineType
    reference: str
    amount: int
    currency: str
    day: date
    at: datetime
    provider: str

    @property
    def key(self) -> Key:
        """What both sides know it by."""
        return self.type, self.reference


class Line(NamedTuple):
    """The provider's side: one line of its statement, `amount` positive."""

    type: LineType
    reference: str
    provider_id: str
    amount: int
    currency: str

    @property
    def key(self) -> Key:
        """What both sides know it by."""
        return self.type, self.reference


class Gap(NamedTuple):
    """Where the two sides differ."""

    kind: ItemKind
    key: Key
    entry: Entry | None
    line: Line | None


class Comparison(NamedTuple):
    """What was found; `matched` are the keys of what is the same on both sides."""

    matched: list[Key]
    exceptions: list[Gap]

    def count(self, kind: ItemKind) -> int:
        """How many exceptions of this kind."""
        return sum(one.kind == kind for one in self.exceptions)


def compare(day: date, lines: Iterable[Line], entries: Mapping[Key, Entry], nearby: Iterable[Key] = ()) -> Comparison:
    """Match by key, whichever day our side says: clocks differ.

    `nearby` are the keys on the statements of the days before and after, where one of ours may stand as well.
    """
    theirs = _summed(lines)
    cancelled = _cancelled(theirs, entries)
    matched: list[Key] = []
    exceptions: list[Gap] = []
    for key, line in theirs.items():
        entry = entries.get(key)
        if key in cancelled or (entry and (entry.amount, entry.currency) == (line.amount, line.currency)):
            matched.append(key)
        else:
            exceptions.append(Gap("different" if entry else "missing_here", key, entry, line))
    elsewhere = {*theirs, *nearby}
    absent = [one for key, one in entries.items() if one.day == day and key not in elsewhere]
    return Comparison(matched, [*exceptions, *(Gap("missing_there", one.key, one, None) for one in absent)])


def _summed(lines: Iterable[Line]) -> dict[Key, Line]:
    """Each key once: a charge that stands there twice is twice the money, and must show."""
    found: dict[Key, Line] = {}
    for line in lines:
        before = found.get(line.key)
        found[line.key] = line if before is None else line._replace(amount=line.amount + before.amount)
    return found


def _cancelled(theirs: Mapping[Key, Line], entries: Mapping[Key, Entry]) -> set[Key]:
    """What the provider did and took back, before we ever heard that it was done: nothing has happened."""
    found: set[Key] = set()
    for (kind, reference), line in theirs.items():
        if kind not in REVERSES:
            continue
        there, back = (kind, reference), (REVERSES[kind], reference)
        other = theirs.get(back)
        same = other is not None and (other.amount, other.currency) == (line.amount, line.currency)
        if same and there not in entries and back not in entries:
            found |= {there, back}
    return found


class Run(NamedTuple):
    """One row of `reconciliation.runs`: the newest comparison of a provider's day."""

    id: str
    provider: str
    day: date
    matched: int
    missing_here: int
    missing_there: int
    different: int
    compared_at: datetime

    @classmethod
    def of(cls, provider: str, day: date, found: Comparison, at: datetime) -> "Run":
        """What was found at `at`."""
        counts = (found.count("missing_here"), found.count("missing_there"), found.count("different"))
        return cls(run_id(provider, day), provider, day, len(found.matched), *counts, at)

    def view(self, open_items: int) -> ReconciliationView:
        """As operators see it."""
        return ReconciliationView(
            id=self.id,
            provider=self.provider,
            date=self.day,
            matched=self.matched,
            missing_here=self.missing_here,
            missing_there=self.missing_there,
            different=self.different,
            open=open_items,
            compared_at=self.compared_at,
        )


class Item(NamedTuple):
    """One row of `reconciliation.items`: an exception, found by one run, cleared up by any later one."""

    id: str
    run_id: str
    kind: ItemKind
    type: LineType
    reference: str
    provider_id: str | None
    ours: int | None
    ours_currency: str | None
    theirs: int | None
    theirs_currency: str | None
    status: ItemStatus
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolved_reason: str | None

    @classmethod
    def of(cls, run: Run, found: Gap, at: datetime) -> "Item":
        """An open exception."""
        entry, line = found.entry, found.line
        return cls(
            item_id(run.provider, found.key),
            run.id,
            found.kind,
            found.key[0],
            found.key[1],
            line and line.provider_id,
            entry and entry.amount,
            entry and entry.currency,
            line and line.amount,
            line and line.currency,
            "open",
            at,
            None,
            None,
            None,
        )

    @property
    def facts(self) -> tuple[object, ...]:
        """What it is about: an exception that is resolved is open again when these change."""
        return self.kind, self.ours, self.ours_currency, self.theirs, self.theirs_currency

    def found_again(self, new: "Item") -> "Item":
        """The same exception, seen by a later comparison."""
        if self.facts == new.facts and self.status != "settled":
            return self
        return new._replace(run_id=self.run_id, found_at=self.found_at if self.status == "open" else new.found_at)

    def settled(self, at: datetime) -> "Item":
        """It has cleared up by itself; what a person resolved stays as it is."""
        return self._replace(status="settled", resolved_at=at) if self.status == "open" else self

    def resolve(self, *, by: str, reason: str, at: datetime) -> "Item":
        """A person has dealt with it. Again is harmless. Raises `ItemSettled`."""
        if self.status == "settled":
            raise ItemSettled
        if self.status == "resolved":
            return self
        return self._replace(status="resolved", resolved_at=at, resolved_by=by, resolved_reason=reason)

    def view(self) -> ReconciliationItemView:
        """As operators see it."""
        return ReconciliationItemView.model_validate(self._asdict())


def run_id(provider: str, day: date) -> str:
    """A provider's day has one reconciliation."""
    return ids.derived("rec", provider, day.isoformat())


def item_id(provider: str, key: Key) -> str:
    """A line has one exception, whichever day finds it."""
    return ids.derived("rit", provider, *key)


def entry_id(key: Key) -> str:
    """A line has one other side."""
    return ids.derived("ren", *key)
