"""What an operator may do to a saga: pure, like its turns. Its timer, due at once, asks what follows."""

from datetime import datetime
from typing import NamedTuple

from contracts.operations import CompensatedByOperator, PivotPassed, SagaEnded, SagaUnknown, UndoStuck
from workers.runtime.saga import KINDS, OPEN, Phase, Progress
from workers.runtime.tables import SagaRow
from workers.runtime.turns import HISTORY_ENTRIES_MAX, Turn, turned

RETRIED, COMPENSATED = "retried", "compensated"


class Hand(NamedTuple):
    """Whose hand it is, and why."""

    principal: str
    reason: str


def moved_by_hand(row: SagaRow) -> bool:
    """Whether the last thing that happened to it was an operator."""
    return bool(row.history) and row.history[-1]["what"] in (RETRIED, COMPENSATED)


def retry(row: SagaRow, hand: Hand, now: datetime) -> Turn:
    """Ask the outstanding question now, as the same question; one that is stuck goes on where it stuck.

    Raises `SagaEnded`.
    """
    if row.phase in OPEN:
        return Turn(_noted(row, RETRIED, row.awaited or "", hand, now))
    if row.phase != Phase.STUCK:
        raise SagaEnded
    progress = progress_of(row).unstuck()
    moved = row._replace(phase=progress.phase.value, awaited=progress.awaited, progress=progress)
    return Turn(_noted(moved, RETRIED, moved.awaited or "", hand, now))


def compensate(row: SagaRow, hand: Hand, now: datetime) -> Turn | None:
    """Undo as its deadline would; None when that is done or on its way already. Raises `PivotPassed`, `UndoStuck`."""
    if row.phase in (Phase.UNDOING, Phase.FAILING, Phase.FAILED):
        return None
    if row.phase == Phase.STUCK:
        raise UndoStuck
    if row.phase == Phase.COMPLETED:
        raise PivotPassed
    progress = progress_of(row)
    if not progress.reversible:
        raise PivotPassed
    turn = turned(row, progress.undone(CompensatedByOperator().problem()), COMPENSATED, now)
    return turn._replace(row=_signed(turn.row, hand), asks=None)


def progress_of(row: SagaRow) -> Progress:
    """The state machine of a row. Raises `SagaUnknown` where this version doesn't know it any more."""
    try:
        return Progress.restored(KINDS[row.type], row.progress)
    except KeyError:
        # Its kind is gone, or the step that it stands at.
        raise SagaUnknown from None


def _noted(row: SagaRow, what: str, step: str, hand: Hand, now: datetime) -> SagaRow:
    entry = {"at": now, "what": what, "step": step}
    return _signed(row._replace(history=[*row.history, entry][-HISTORY_ENTRIES_MAX:], updated_at=now), hand)


def _signed(row: SagaRow, hand: Hand) -> SagaRow:
    return row._replace(history=[*row.history[:-1], row.history[-1] | {"by": hand.principal, "reason": hand.reason}])
