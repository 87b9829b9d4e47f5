"""What was spent on a card: counters per day and month (UTC), and one row per spend. Pure."""

from datetime import datetime
from typing import Literal, NamedTuple

from contracts.cards import SpentView
from workers.cards.rules import Card

DAY, MONTH = "%Y-%m-%d", "%Y-%m"


class Spend(NamedTuple):
    """One row of `cards.spends`, in minor units. One that was undone before it came is a tombstone of no amount."""

    id: str
    card_id: str
    amount: int
    status: Literal["spent", "undone"]
    created_at: datetime
    undone_at: datetime | None

    def undone(self, at: datetime) -> "Spend":
        """Given back."""
        return self._replace(status="undone", undone_at=at)


class Usage(NamedTuple):
    """One row of `cards.usage`, by the card's id. A day's or month's counters count only in that day or month."""

    id: str
    day: str
    day_count: int
    day_amount: int
    month: str
    month_count: int
    month_amount: int
    total_count: int
    total_amount: int
    declined: int
    last_spent_at: datetime | None

    @classmethod
    def none(cls, card_id: str) -> "Usage":
        """Nothing so far."""
        return cls(card_id, "", 0, 0, "", 0, 0, 0, 0, 0, None)

    def at(self, moment: datetime) -> "Usage":
        """With the counters of this day and month: those of earlier ones are over."""
        day, month = moment.strftime(DAY), moment.strftime(MONTH)
        found = self if self.day == day else self._replace(day=day, day_count=0, day_amount=0)
        return found if found.month == month else found._replace(month=month, month_count=0, month_amount=0)

    def limit_passed(self, card: Card, amount: int) -> str | None:
        """Which limit of the card does not allow so much more, in a sentence."""
        for what, limit, sum_ in (
            ("per payment", card.per_payment, amount),
            ("per day", card.daily, self.day_amount + amount),
            ("per month", card.monthly, self.month_amount + amount),
        ):
            if limit is not None and sum_ > limit:
                return f"The card's limit {what} would be exceeded."
        return None

    def spent(self, amount: int, moment: datetime) -> "Usage":
        """One spend more, in the day and month of `at(moment)`."""
        return self._moved(1, amount, today=True, this_month=True)._replace(last_spent_at=moment)

    def unspent(self, spend: Spend) -> "Usage":
        """One spend less, where it was counted: a day that is over gets nothing back."""
        day, month = spend.created_at.strftime(DAY), spend.created_at.strftime(MONTH)
        return self._moved(-1, -spend.amount, today=self.day == day, this_month=self.month == month)

    def refused(self) -> "Usage":
        """One more that a limit refused."""
        return self._replace(declined=self.declined + 1)

    def _moved(self, count: int, amount: int, *, today: bool, this_month: bool) -> "Usage":
        return self._replace(
            day_count=self.day_count + count * today,
            day_amount=self.day_amount + amount * today,
            month_count=self.month_count + count * this_month,
            month_amount=self.month_amount + amount * this_month,
            total_count=self.total_count + count,
            total_amount=self.total_amount + amount,
        )


def today(usage: Usage, card: Card) -> SpentView:
    """The day of `usage.at(now)`, against its limit."""
    return _against(usage.day, usage.day_count, usage.day_amount, card.daily)


def this_month(usage: Usage, card: Card) -> SpentView:
    """Likewise its month."""
    return _against(usage.month, usage.month_count, usage.month_amount, card.monthly)


def ever(usage: Usage) -> SpentView:
    """All of it."""
    return _against("ever", usage.total_count, usage.total_amount, None)


def _against(period: str, count: int, amount: int, limit: int | None) -> SpentView:
    # A limit may be lowered below what was spent already.
    remaining = None if limit is None else max(limit - amount, 0)
    return SpentView(period=period, count=count, amount=amount, limit=limit, remaining=remaining)
