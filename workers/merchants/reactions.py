"""What merchants hear of others: a merchant takes nothing while its owner may do nothing, and goes when they go."""

from collections.abc import Iterable

from contracts.identity import UserArchived, UserPurged, UserRestored
from workers.merchants import owners
from workers.merchants.handlers import handlers, purge, save
from workers.merchants.rules import Merchant
from workers.runtime.needs import Need, matching
from workers.runtime.unit_of_work import UnitOfWork

__all__ = ["handlers"]


def _theirs(event: UserArchived | UserRestored | UserPurged) -> Iterable[Need]:
    """All merchants of one person: `MERCHANTS_MAX` at most."""
    return [owners.of(event.user_id), matching(Merchant, owner=event.user_id)]


@handlers.reaction(UserArchived, needs=_theirs)
def hear_archived(event: UserArchived, uow: UnitOfWork) -> None:
    """They take no payments and their keys are refused, unless a newer word came first."""
    if owners.heard(uow, event):
        for merchant in uow.matching(Merchant, owner=event.user_id):
            save(uow, merchant, merchant.owned(by_archived=True), "owner_archived")


@handlers.reaction(UserRestored, needs=_theirs)
def hear_restored(event: UserRestored, uow: UnitOfWork) -> None:
    """Each is what it was, or what an operator has made of it meanwhile, unless a newer word came first."""
    if owners.heard(uow, event):
        for merchant in uow.matching(Merchant, owner=event.user_id):
            save(uow, merchant, merchant.owned(by_archived=False), "owner_restored")


@handlers.reaction(UserPurged, needs=_theirs)
def purge_merchants_of_nobody(event: UserPurged, uow: UnitOfWork) -> None:
    """Nobody is left to take payments; the keys go with the merchants."""
    owners.heard(uow, event)
    for merchant in uow.matching(Merchant, owner=event.user_id):
        purge(uow, merchant)
