"""Who holds cards, as far as identity has said that they may do nothing: by its newest word, whatever came first."""

from typing import NamedTuple

from contracts.identity import UserArchived, UserPurged, UserRestored
from workers.runtime.needs import Need, unique
from workers.runtime.unit_of_work import UnitOfWork


class Holder(NamedTuple):
    """One row of `cards.holders`, by the person's id; who was never archived has none.

    The higher `version`, the newer the word.
    """

    id: str
    archived: bool
    version: int


def of(user_id: str) -> Need:
    """What is known of somebody: no card of theirs is made while that changes."""
    return unique(Holder, id=user_id)


def archived(uow: UnitOfWork, user_id: str) -> bool:
    """Whether this person may do nothing; `of` names what it needs."""
    return any(holder.archived for holder in uow.matching(Holder, id=user_id))


def heard(uow: UnitOfWork, event: UserArchived | UserRestored | UserPurged) -> bool:
    """Note what an event says; False if something newer was heard before. `of` names what it needs."""
    known = next(iter(uow.matching(Holder, id=event.user_id)), None)
    if known is not None and known.version >= event.version:
        return False
    holder = Holder(event.user_id, not isinstance(event, UserRestored), event.version)
    (uow.add if known is None else uow.save)(holder)
    return True
