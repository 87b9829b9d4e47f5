"""What cards hear of others: a card is of no use while its holder may do nothing, and goes when they go."""

from collections.abc import Iterable

from contracts.identity import UserArchived, UserPurged, UserRestored
from workers.cards import holders
from workers.cards.handlers import handlers, purge
from workers.cards.rules import Card
from workers.runtime.needs import Need, matching
from workers.runtime.unit_of_work import UnitOfWork

__all__ = ["handlers"]


def _theirs(event: UserArchived | UserRestored | UserPurged) -> Iterable[Need]:
    """All cards of one person: as many as `cards_per_owner_max` at most."""
    return [holders.of(event.user_id), matching(Card, owner=event.user_id)]


@handlers.reaction(UserArchived, needs=_theirs)
def hear_archived(event: UserArchived, uow: UnitOfWork) -> None:
    """They pay nothing, unless a newer word came first."""
    _hold(event, uow, by_archived=True)


@handlers.reaction(UserRestored, needs=_theirs)
def hear_restored(event: UserRestored, uow: UnitOfWork) -> None:
    """Each is what it was, unless a newer word came first."""
    _hold(event, uow, by_archived=False)


@handlers.reaction(UserPurged, needs=_theirs)
def purge_cards_of_nobody(event: UserPurged, uow: UnitOfWork) -> None:
    """Nobody is left who could pay with them, whoever froze them."""
    holders.heard(uow, event)
    for card in uow.matching(Card, owner=event.user_id):
        purge(uow, card)


def _hold(event: UserArchived | UserRestored, uow: UnitOfWork, *, by_archived: bool) -> None:
    if not holders.heard(uow, event):
        return
    for card in uow.matching(Card, owner=event.user_id):
        held = card.held(by_archived=by_archived)
        uow.save(held)
        uow.audit(card.id, before=card.audited(), after=held.audited())
