"""What top-ups hear of others."""

from contracts.callbacks import ChargeReported
from workers.runtime.needs import rows
from workers.runtime.orchestrator import nudge
from workers.runtime.unit_of_work import UnitOfWork
from workers.topups.handlers import follow, handlers
from workers.topups.rules import TopUp

__all__ = ["handlers"]


@handlers.reaction(ChargeReported, needs=lambda e: [rows(TopUp, e.word.reference)])
def hear_charge(event: ChargeReported, uow: UnitOfWork) -> None:
    """A provider's word, late, early, twice or about nothing: only news about a top-up of its own counts."""
    word = event.word
    topup = uow.find(TopUp, word.reference)
    if topup is None or (topup.provider, topup.currency) != (word.provider, word.currency):
        return
    heard = topup.hear(word)
    if heard is topup:
        return
    uow.save(follow(uow, heard))
    if heard.is_open and heard.saga_id is not None:
        nudge(uow, "topups", heard.saga_id)
