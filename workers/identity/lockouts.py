"""Lockouts: how often somebody may be wrong, and for how long nobody is listened to then. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from contracts import addresses, ids
from contracts.identity import LockedOut
from workers.runtime.settings import Settings

PEOPLE_COUNTED_MAX = 9


class Bar(NamedTuple):
    """So many failures, and so long a lockout; failures that are longer ago than that are forgotten.

    An address has a number of its own, and as many again for each of the first people who log in from there.
    """

    failures: int
    lasts: timedelta
    address_failures: int = 10

    @classmethod
    def of(cls, settings: Settings) -> "Bar":
        """What the settings say."""
        lasts = timedelta(seconds=settings.lockout_seconds)
        return cls(settings.lockout_failures, lasts, settings.lockout_address_failures)


class Attempts(NamedTuple):
    """One row of `identity.attempts`: what is counted together.

    `people` have logged in there: for a person at an address 0 or 1, for an address how many.
    """

    id: str
    failures: int
    people: int
    failed_at: datetime | None
    locked_until: datetime | None
    touched_at: datetime

    @classmethod
    def none(cls, key: str, at: datetime) -> "Attempts":
        """Nothing has been counted yet."""
        return cls(key, 0, 0, None, None, at)

    def wait_seconds(self, at: datetime) -> int:
        """How long nobody is listened to; 0 is not at all."""
        if self.locked_until is None or self.locked_until <= at:
            return 0
        return max(1, -(-(self.locked_until - at) // timedelta(seconds=1)))

    def check(self, at: datetime) -> None:
        """Raise `LockedOut` while it is."""
        check([self], at)

    def failed(self, at: datetime, bar: Bar) -> Self:
        """One failure more."""
        recent = self.failed_at is not None and at - self.failed_at < bar.lasts and self.locked_until is None
        failures = self.failures + 1 if recent else 1
        locked_until = at + bar.lasts if failures >= bar.failures else None
        return self._replace(failures=failures, failed_at=at, locked_until=locked_until, touched_at=at)

    def forgiven(self, at: datetime) -> Self:
        """As if there had been no failure."""
        return self._replace(failures=0, failed_at=None, locked_until=None, touched_at=at)


class Keys(NamedTuple):
    """The names of what a login counts on."""

    account: str
    place: str
    address: str

    @classmethod
    def of(cls, email: str, address: str | None) -> "Keys":
        """For this account, from this network address. Whether anybody has the account makes no difference."""
        where = addresses.network(address or "")
        return cls(
            ids.derived("att", "account", email),
            ids.derived("att", "place", email, where),
            ids.derived("att", "address", where),
        )


def of_person(user_id: str) -> str:
    """The name of what somebody counts on who has logged in and is asked for their password again."""
    return ids.derived("att", "person", user_id)


def of_resets(email: str) -> str:
    """The name of what mails with a reset token count on."""
    return ids.derived("att", "resets", email)


class Guard(NamedTuple):
    """What a login counts on.

    Where the account has logged in before, the place counts by itself: strangers who fail elsewhere lock out strangers,
    not those who come home. Elsewhere the account counts over all places together, and the address over all accounts,
    the more patiently the more people come from there.
    """

    account: Attempts
    place: Attempts
    address: Attempts

    @property
    def familiar(self) -> bool:
        """Whether the account has logged in here before."""
        return self.place.people > 0

    def check(self, at: datetime) -> None:
        """Raise `LockedOut` while it is locked."""
        check([self.place] if self.familiar else [self.account, self.address], at)

    def failed(self, at: datetime, bar: Bar) -> list[Attempts]:
        """What changes by a wrong password or code."""
        if self.familiar:
            return [self.place.failed(at, bar)]
        higher = bar._replace(failures=bar.address_failures * (1 + min(self.address.people, PEOPLE_COUNTED_MAX)))
        return [self.account.failed(at, bar), self.address.failed(at, higher)]

    def proven(self, at: datetime) -> list[Attempts]:
        """What changes when somebody has proved to own the account: they are at home here, and start afresh."""
        people = self.address.people if self.familiar else min(self.address.people + 1, PEOPLE_COUNTED_MAX)
        return [
            self.account.forgiven(at),
            self.place.forgiven(at)._replace(people=1),
            self.address._replace(people=people, touched_at=at),
        ]

    def succeeded(self, at: datetime) -> list[Attempts]:
        """What changes by a login. What the address has on its account is not forgiven: anybody may log in between."""
        return [self.place.forgiven(at)] if self.familiar else self.proven(at)


def check(counted: Sequence[Attempts], at: datetime) -> None:
    """Raise `LockedOut` while any of these is, with the time that it takes."""
    wait_seconds = max(one.wait_seconds(at) for one in counted)
    if wait_seconds:
        raise LockedOut(retry_after_seconds=wait_seconds)
