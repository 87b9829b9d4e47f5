"""Counters against a model that sums: days and months end, what is given back counts no longer, limits hold."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.cards import CardLimits
from tests.rules.cards.test_card import NUMBER, WISH
from workers.cards import usage as counted
from workers.cards.rules import Card
from workers.cards.tokens import Tries
from workers.cards.usage import Spend, Usage

START = datetime(2026, 11, 29, 20, tzinfo=UTC)
steps = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60), st.booleans()), max_size=30)
limits = st.builds(
    CardLimits,
    per_payment=st.none() | st.integers(1, 60),
    daily=st.none() | st.integers(1, 150),
    monthly=st.none() | st.integers(1, 300),
)


@given(steps, limits)
def test_counters_are_what_a_sum_would_say(steps: list[tuple[int, int, bool]], limits: CardLimits) -> None:
    card = Card.embossed(WISH.model_copy(update={"limits": limits}), NUMBER, years=4, at=START)
    usage, now, kept = Usage.none(card.id), START, list[Spend]()
    for number, (hours, amount, undo) in enumerate(steps):
        now += timedelta(hours=hours)
        usage = usage.at(now)
        day = sum(one.amount for one in kept if one.created_at.date() == now.date())
        month = sum(one.amount for one in kept if one.created_at.strftime("%Y%m") == now.strftime("%Y%m"))
        assert (usage.day_amount, usage.month_amount) == (day, month)
        assert usage.total_amount == sum(one.amount for one in kept)
        fits = all(
            limit is None or spent + amount <= limit
            for limit, spent in ((limits.per_payment, 0), (limits.daily, day), (limits.monthly, month))
        )
        assert (usage.limit_passed(card, amount) is None) == fits
        if fits:
            usage = usage.spent(amount, now)
            kept.append(Spend(str(number), card.id, amount, "spent", now, None))
        if undo and kept:
            usage = usage.unspent(kept.pop(0))
    for view in (counted.today(usage, card), counted.this_month(usage, card), counted.ever(usage)):
        assert view.remaining is None or view.remaining == max((view.limit or 0) - view.amount, 0)


@given(st.lists(st.integers(0, 90), max_size=40), st.integers(1, 5))
def test_no_more_wrong_tries_than_allowed_are_let_through_in_a_window(pauses: list[int], most: int) -> None:
    window, now = timedelta(minutes=60), START
    tries, let = Tries.none("card x", START), list[datetime]()
    for pause in pauses:
        now += timedelta(minutes=pause)
        if not tries.blocked(now):
            let.append(now)
        tries = tries.wrong(now, most, window)
    for first in let:
        assert sum(first <= one < first + window for one in let) <= 2 * most - 1
