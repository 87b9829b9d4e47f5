"""Attempts in a unit of work: found, or begun; kept, whichever it was."""

from collections.abc import Iterable

from workers.identity.lockouts import Attempts, Guard, Keys
from workers.runtime.unit_of_work import UnitOfWork


def of(uow: UnitOfWork, key: str) -> Attempts:
    """What has been counted under a name that `needs` declared."""
    return uow.find(Attempts, key) or Attempts.none(key, uow.now)


def guard(uow: UnitOfWork, keys: Keys) -> Guard:
    """What a login counts on."""
    return Guard(*(of(uow, key) for key in keys))


def keep(uow: UnitOfWork, counted: Iterable[Attempts]) -> None:
    """Store what was counted."""
    for one in counted:
        if uow.find(Attempts, one.id) is None:
            uow.add(one)
        else:
            uow.save(one)
