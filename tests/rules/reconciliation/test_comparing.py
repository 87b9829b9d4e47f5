"""A statement against our side: every line is matched or an exception, and exceptions have one fate at a time."""

from datetime import UTC, date, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.reconciliation import ItemSettled, LineType
from workers.reconciliation import rules
from workers.reconciliation.rules import Entry, Gap, Item, Key, Line, Run, compare

DAY, NEXT = date(2026, 11, 26), date(2026, 11, 27)
NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)


def line(reference: str, amount: int = 10, kind: LineType = "charge", currency: str = "IDR") -> Line:
    return Line(kind, reference, f"ch_{reference}", amount, currency)


def entry(reference: str, amount: int = 10, kind: LineType = "charge", day: date = DAY) -> Entry:
    return Entry(rules.entry_id((kind, reference)), kind, reference, amount, "IDR", day, NOW, "sandbox")


def ours(*entries: Entry) -> dict[Key, Entry]:
    return {one.key: one for one in entries}


def kinds(lines: list[Line], entries: dict[Key, Entry], nearby: tuple[Key, ...] = ()) -> list[tuple[str, str]]:
    return [(gap.kind, gap.key[1]) for gap in compare(DAY, lines, entries, nearby).exceptions]


def test_what_both_know_is_matched() -> None:
    found = compare(DAY, [line("a"), line("b")], ours(entry("a"), entry("b")))
    assert (len(found.matched), found.exceptions) == (2, [])


def test_each_kind_of_exception() -> None:
    lines = [line("a"), line("b", 11), line("c", currency="EUR")]
    known = ours(entry("b"), entry("c"), entry("d"))
    assert kinds(lines, known) == [
        ("missing_here", "a"),
        ("different", "b"),
        ("different", "c"),
        ("missing_there", "d"),
    ]


def test_a_charge_that_stands_there_twice_shows() -> None:
    [gap] = compare(DAY, [line("a"), line("a")], ours(entry("a"))).exceptions
    assert gap.kind == "different"
    assert gap.line is not None
    assert gap.line.amount == 20


def test_clocks_differ_around_midnight() -> None:
    assert kinds([line("a")], ours(entry("a", day=NEXT))) == [], "their line, our next day"
    assert kinds([], ours(entry("a")), nearby=(("charge", "a"),)) == [], "our day, their next one"
    assert kinds([], ours(entry("a", day=NEXT))) == [], "not this day's business"


def test_what_was_taken_back_before_we_heard_of_it_did_not_happen() -> None:
    back = line("a", kind="payout_reversal")
    assert kinds([line("a", kind="payout"), back], {}) == []
    assert kinds([line("a", 11, kind="payout"), back], {}) == [("missing_here", "a")] * 2
    assert kinds([line("a", kind="payout"), back], ours(entry("a", kind="payout"))) == [("missing_here", "a")]


SIDES = st.lists(st.tuples(st.sampled_from(get_args(LineType)), st.sampled_from("abc"), st.integers(1, 3)), max_size=8)


@given(SIDES, SIDES)
def test_nothing_is_lost_in_a_comparison(
    theirs: list[tuple[LineType, str, int]], own: list[tuple[LineType, str, int]]
) -> None:
    lines = [line(reference, amount, kind) for kind, reference, amount in theirs]
    known = ours(*(entry(reference, amount, kind) for kind, reference, amount in own))
    found = compare(DAY, lines, known)
    seen = [*found.matched, *(gap.key for gap in found.exceptions)]
    assert len(seen) == len(set(seen)), "each key once"
    assert set(seen) == {one.key for one in lines} | known.keys()


RUN = Run("rec_1", "sandbox", DAY, 0, 1, 0, 0, NOW)


def item(amount: int = 10) -> Item:
    return Item.of(RUN, Gap("missing_here", ("charge", "a"), None, line("a", amount)), NOW)


def test_what_is_resolved_stays_so_as_long_as_its_facts_do() -> None:
    resolved = item().resolve(by="usr_1", reason="Refunded by hand.", at=NOW)
    assert resolved.found_again(item()) is resolved
    assert resolved.settled(NOW) is resolved
    assert resolved.resolve(by="usr_2", reason="Again.", at=NOW) is resolved
    changed = resolved.found_again(item(11))
    assert (changed.status, changed.resolved_by) == ("open", None)


def test_what_has_cleared_up_is_not_resolved_by_a_person() -> None:
    settled = item().settled(NOW)
    assert settled.status == "settled"
    with pytest.raises(ItemSettled):
        settled.resolve(by="usr_1", reason="Too late.", at=NOW)
    assert settled.found_again(item()).status == "open", "it may come back"
