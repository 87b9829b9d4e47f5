"""One turn of a saga: an event, an answer or a timer in; its next row, question and outcome out. No I/O, no clock."""

from datetime import datetime
from typing import Any, NamedTuple

from contracts import ids, topology
from contracts.envelope import Envelope
from contracts.message import Message, OutcomeUnknown, Problem
from workers.runtime.roster import Roster
from workers.runtime.saga import Phase, Progress, Saga
from workers.runtime.tables import Operation, SagaRow
from workers.runtime.unit_of_work import Sent
from workers.runtime.work import Told

HISTORY_ENTRIES_MAX = 200
AGAIN, IGNORED = "asked again", "ignored"
UNKNOWN = OutcomeUnknown.code()


class Turn(NamedTuple):
    """What a saga is after a turn, what it asks now, and how its operation ended, if that is its to say."""

    row: SagaRow
    asks: Sent | None = None
    ends: Told | None = None


class Turns:
    """The turns of the sagas of one roster."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def begun(self, kind: type[Saga], event: Message, by: Envelope, operation: Operation | None, now: datetime) -> Turn:
        """The event has happened; `operation` is what it is a part of."""
        command = self._roster.handlers.get(f"{operation.type}.v1") if operation else None
        context = {
            "operation": by.operation,
            "request": by.request,
            "reply_to": by.reply_to,
            "caller": by.caller,
            "traceparent": by.traceparent,
            "type": operation.type if operation else None,
            "created_at": operation.created_at if operation else None,
            "finishes": command is not None and command.finished_by is kind,
        }
        key, name = ids.derived("sag", by.id, kind.__name__), kind.__name__
        deadline_at = now + kind.deadline
        row = SagaRow(
            key, name, event.domain, by.operation, Phase.RUNNING, None, None, [], context, None, deadline_at, now, now
        )
        return turned(row, Progress(kind.begin(event)).start(), "started", now)

    def answered(self, row: SagaRow, cause: str | None, problem: Problem | None, result: Any, now: datetime) -> Turn:
        """The message `cause` was answered. Only the answer that is awaited counts; any other is noted and ignored."""
        if cause != _message_id(row):
            return Turn(_noted(row, IGNORED, cause or "", now))
        progress = self._progress(row)
        if problem is None:
            return turned(row, progress.succeeded(_view(progress, result)), "answered", now, result)
        new = progress.refused(problem)
        turn = turned(row, new, f"refused: {problem.code}", now, result)
        if new.phase is not Phase.RUNNING:
            return turn
        # A step that was refused and stays is asked again by the timer, not at once and for ever.
        lost = problem.code == UNKNOWN and row.context["finishes"] and not new.finished
        return turn._replace(asks=None, ends=_unknown(row) if lost else None)

    def woken(self, row: SagaRow, now: datetime) -> Turn:
        """The timer is due: go back if the deadline has passed and that is still possible, else ask again."""
        if row.updated_at == now:
            # What it asks has been said in this very batch; handled there it leaves no claim that would know a copy.
            return Turn(row)
        return self._awoken(row, now)

    def nudged(self, row: SagaRow, now: datetime) -> Turn:
        """Somebody knows more than when an answer was not there yet: ask now."""
        waits = row.phase == Phase.RUNNING and self._progress(row).wait_seconds is not None
        return self._awoken(row, now) if waits else Turn(row)

    def _awoken(self, row: SagaRow, now: datetime) -> Turn:
        progress = self._progress(row)
        if now >= row.deadline_at and (late := progress.overdue()) is not progress:
            return turned(row, late, "deadline", now)
        asks = _question(row, progress)
        return Turn(_noted(row, AGAIN, progress.awaited or "", now), asks and asks._replace(again=True))

    def _progress(self, row: SagaRow) -> Progress:
        if isinstance(row.progress, Progress):
            return row.progress
        return Progress.restored(self._roster.sagas[row.type], row.progress)


def asked_again(row: SagaRow) -> int:
    """How often in a row the outstanding command has been asked again."""
    return next((n for n, entry in enumerate(reversed(row.history)) if entry["what"] != AGAIN), len(row.history))


def waiting_seconds(row: SagaRow) -> int | None:
    """How long to wait before the outstanding command is asked for the first time, where its answer was not there."""
    progress = row.progress
    waits = progress.wait_seconds if isinstance(progress, Progress) else (progress or {}).get("wait_seconds")
    return None if waits is None or asked_again(row) else int(waits)


def turned(row: SagaRow, progress: Progress, what: str, now: datetime, result: Any = None) -> Turn:
    """The saga has moved on to this."""
    new = row.turned(progress.phase.value, progress.awaited, progress, _history(row, what, row.awaited or "", now), now)
    ended = row.context["finishes"] and _ends_operation(row, progress)
    asks = None if new.awaited is None else _question(new, progress)
    return Turn(new, asks, _outcome(row, progress, result) if ended else None)


def _ends_operation(row: SagaRow, progress: Progress) -> bool:
    """Whether this turn is the one: that of the step that finishes, or else the last."""
    if progress.finished:
        return (row.awaited or "").partition(":")[0] == progress.saga.finishes_with
    return progress.phase in (Phase.COMPLETED, Phase.FAILED)


def _unknown(row: SagaRow) -> Told:
    return Told("unknown", type=row.context["type"], request=row.context["request"])


def _question(row: SagaRow, progress: Progress) -> Sent | None:
    command = progress.command()
    if command is None:
        return None
    # Whoever woke it may belong to no operation, or to another one.
    queue = topology.commands(row.domain)
    return Sent(command, _message_id(row), row.id, queue, operation=row.operation_id)


def _message_id(row: SagaRow) -> str:
    return f"{row.id}:{row.awaited}"


def _noted(row: SagaRow, what: str, step: str, now: datetime) -> SagaRow:
    return row._replace(history=_history(row, what, step, now), updated_at=now)


def _history(row: SagaRow, what: str, step: str, now: datetime) -> list[dict[str, Any]]:
    return [*row.history, {"at": now, "what": what, "step": step}][-HISTORY_ENTRIES_MAX:]


def _view(progress: Progress, result: Any) -> Any:
    """The answer as the type that the command promises; from the same batch it is one already."""
    if not isinstance(result, dict):
        return result
    command = progress.command()
    return result if command is None else command.answer.model_validate(result)


def _outcome(row: SagaRow, progress: Progress, result: Any) -> Told:
    failed = progress.phase is Phase.FAILED
    return Told(
        "failed" if failed else "succeeded",
        result=result,
        problem=progress.problem if failed else None,
        type=row.context["type"],
        request=row.context["request"],
    )
