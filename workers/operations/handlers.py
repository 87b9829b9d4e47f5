"""What operators can do: with sagas, and with messages that failed for good."""

from collections.abc import Iterable
from typing import Any

from contracts.envelope import Caller
from contracts.operations import (
    CompensateSaga,
    DeadLetterView,
    DiscardDeadLetter,
    ReplayDeadLetter,
    ReplayDeadLetters,
    ReplayedView,
    RetrySaga,
    SagaView,
)
from workers.operations import choosing, rules
from workers.operations.choosing import REPLAYED_MAX
from workers.runtime import dead_letters, interventions
from workers.runtime.handlers import Handlers
from workers.runtime.interventions import Hand
from workers.runtime.needs import Need, rows
from workers.runtime.tables import Letter, SagaRow
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("operations")


@handlers.command(RetrySaga, needs=lambda c: [rows(SagaRow, c.saga_id)])
def retry_saga(command: RetrySaga, uow: UnitOfWork) -> SagaView:
    """Its timer is due now, and asks. Raises `SagaEnded`."""
    row = uow.get(SagaRow, command.saga_id)
    turn = interventions.retry(row, _hand(command, uow), uow.now)
    uow.save(turn.row)
    return _acted_on(command, turn.row, uow)


@handlers.command(CompensateSaga, needs=lambda c: [rows(SagaRow, c.saga_id)])
def compensate_saga(command: CompensateSaga, uow: UnitOfWork) -> SagaView:
    """Its timer is due now, and asks for the undo. Raises `PivotPassed`, `UndoStuck`."""
    row = uow.get(SagaRow, command.saga_id)
    turn = interventions.compensate(row, _hand(command, uow), uow.now)
    if turn is None:
        return rules.saga_view(row, uow.now)
    uow.save(turn.row)
    if turn.ends is not None:
        uow.finish(turn.row.context, turn.ends)
    return _acted_on(command, turn.row, uow)


@handlers.command(ReplayDeadLetter, needs=lambda c: [rows(Letter, c.letter_id)])
def replay_dead_letter(command: ReplayDeadLetter, uow: UnitOfWork) -> DeadLetterView:
    """To the queue that it came from. Raises `AlreadyDiscarded`, `Unreadable`."""
    letter = uow.get(Letter, command.letter_id)
    replayed = rules.replay(letter, _hand(command, uow), uow.now)
    if replayed is not letter:
        uow.forward(letter.queue, dead_letters.replayed(letter))
        uow.save(replayed)
        _resolved(command, replayed, uow)
    return rules.letter_view(replayed)


def chosen(_command: Any, _caller: Caller, prepared: Any) -> Iterable[Need]:
    """The letters that are meant."""
    return [rows(Letter, *prepared)]


@handlers.command(ReplayDeadLetters, needs_more=chosen, prepare=choosing.choose)
def replay_dead_letters(command: ReplayDeadLetters, uow: UnitOfWork) -> ReplayedView:
    """Those that are still open and can be replayed."""
    hand = _hand(command, uow)
    found = [letter for key in uow.prepared[:REPLAYED_MAX] if (letter := uow.find(Letter, key)) is not None]
    ready = [letter for letter in found if letter.resolution is None and dead_letters.said_by(letter) is not None]
    for letter in ready:
        replayed = rules.replay(letter, hand, uow.now)
        uow.forward(letter.queue, dead_letters.replayed(letter))
        uow.save(replayed)
        _resolved(command, replayed, uow)
    return ReplayedView(count=len(ready), has_more=len(uow.prepared) > REPLAYED_MAX)


@handlers.command(DiscardDeadLetter, needs=lambda c: [rows(Letter, c.letter_id)])
def discard_dead_letter(command: DiscardDeadLetter, uow: UnitOfWork) -> DeadLetterView:
    """Whoever hosts its queue refuses it in its place. Raises `AlreadyReplayed`, `SagaNeedsIt`."""
    letter = uow.get(Letter, command.letter_id)
    discarded = rules.discard(letter, _hand(command, uow), uow.now)
    if discarded is not letter:
        refused = dead_letters.given_up(letter)
        if refused is not None:
            uow.forward(letter.queue, refused)
        uow.save(discarded)
        _resolved(command, discarded, uow)
    return rules.letter_view(discarded)


def _acted_on(command: RetrySaga | CompensateSaga, row: SagaRow, uow: UnitOfWork) -> SagaView:
    after = {"type": row.type, "status": row.phase, "awaiting": row.awaited}
    uow.audit(row.id, after=after, reason=command.reason)
    return rules.saga_view(row, uow.now)


def _resolved(command: Any, letter: Letter, uow: UnitOfWork) -> None:
    after = {"type": letter.type, "queue": letter.queue, "status": letter.resolution}
    uow.audit(letter.id, after=after, reason=command.reason)


def _hand(command: Any, uow: UnitOfWork) -> Hand:
    return Hand(uow.caller.principal, command.reason)
