"""How much somebody has withdrawn in a day: a counter on a locked row."""

from datetime import date
from typing import NamedTuple

from contracts.cards import LimitExceeded
from workers.withdrawals import terms


class Total(NamedTuple):
    """One row of `withdrawals.totals`: the minor units of one owner and currency on the last `day` (UTC) of any."""

    id: str
    day: date
    amount: int

    @staticmethod
    def key(owner: str, currency: str) -> str:
        """Whose, and in which currency."""
        return f"{owner}:{currency}"

    def plus(self, amount: int, currency: str, *, on: date) -> "Total":
        """With so much more. Raises `LimitExceeded`."""
        total = amount + (self.amount if self.day == on else 0)
        most = terms.policy.daily.get(currency)
        if most is not None and total > most:
            raise LimitExceeded("This is more than you can withdraw in one day.")
        return self._replace(day=on, amount=total)

    def minus(self, amount: int, *, of: date) -> "Total":
        """With so much less, if that counted on the same day."""
        return self._replace(amount=max(self.amount - amount, 0)) if self.day == of else self
