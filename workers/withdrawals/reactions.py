"""What withdrawals hear of others."""

from contracts.callbacks import PayoutReported
from workers.runtime.needs import rows
from workers.runtime.orchestrator import nudge
from workers.runtime.unit_of_work import UnitOfWork
from workers.withdrawals.handlers import follow, handlers
from workers.withdrawals.rules import Withdrawal

__all__ = ["handlers"]


@handlers.reaction(PayoutReported, needs=lambda e: [rows(Withdrawal, e.word.reference)])
def hear_payout(event: PayoutReported, uow: UnitOfWork) -> None:
    """A provider's word, late, early, twice or about nothing: only news about a withdrawal of its own counts."""
    word = event.word
    withdrawal = uow.find(Withdrawal, word.reference)
    if withdrawal is None or (withdrawal.provider, withdrawal.currency) != (word.provider, word.currency):
        return
    heard = withdrawal.hear(word)
    if heard is withdrawal:
        return
    uow.save(follow(uow, heard))
    if heard.is_open and heard.saga_id is not None:
        nudge(uow, "withdrawals", heard.saga_id)
