"""Sagas at work: start them on their event, feed them answers, wake them in time, and finish their operation."""

from datetime import timedelta
from typing import Any

from contracts import ids, topology
from contracts.envelope import Caller, Envelope, encode
from contracts.message import Message
from contracts.operations import Reply
from workers.runtime.handlers import Handler
from workers.runtime.needs import Need, rows
from workers.runtime.roster import Roster
from workers.runtime.saga import OPEN, Phase, Progress, Saga
from workers.runtime.tables import Operation, SagaRow, Timer
from workers.runtime.unit_of_work import Sent, UnitOfWork, World
from workers.runtime.work import REPLY, Told, Work

HISTORY_ENTRIES_MAX = 200
RESEND_BACKOFF_MAX = 64
AGAIN, IGNORED = "asked again", "ignored"


class WakeSaga(Message):
    """A saga's timer is due. The message's id is the timer's."""

    saga_id: str


class Orchestrator:
    """Handlers of the three messages that sagas live on, for the sagas of one roster."""

    def __init__(self, roster: Roster, *, resend_seconds: float) -> None:
        self._roster = roster
        self._resend = timedelta(seconds=resend_seconds)
        self._answered = Handler(Reply, self._on_reply, lambda envelope: [rows(SagaRow, envelope.saga)])
        self._woken = Handler(WakeSaga, self._on_wake, lambda wake: [rows(SagaRow, wake.saga_id)])
        self._starting = {
            name: Handler(starting[0].starts_on, self._on_start, None) for name, starting in roster.starters.items()
        }

    def handler(self, wire_name: str, queue: str) -> Handler | None:
        """The handler of a message that concerns sagas, from the queue of their domain's commands."""
        if not queue.endswith(".commands"):
            return None
        if wire_name == REPLY:
            return self._answered
        return self._woken if wire_name == WakeSaga.wire_name else self._starting.get(wire_name)

    def starts(self, wire_name: str) -> bool:
        """Whether this event starts a saga that is hosted here."""
        return wire_name in self._starting

    def needs_operation(self, work: Work) -> list[Need]:
        """A saga that starts away from its command's batch looks at the operation that it may finish."""
        starting = work.handler.message.wire_name in self._starting
        return [rows(Operation, work.envelope.operation)] if starting and work.envelope.operation else []

    def arm(self, world: World) -> None:
        """Every saga that is open at commit has a timer, and no other has one."""
        for touched in (world.inserted.get(SagaRow, {}), world.updated.get(SagaRow, {})):
            for row in list(touched.values()):
                world.update(self._armed(world, row))

    def _on_start(self, event: Any, uow: UnitOfWork) -> None:
        for kind in self._roster.starters[event.wire_name]:
            row = self._begin(kind, event, uow)
            self._advance(uow, row, Progress(kind.begin(event)).start(), "started")

    def _on_reply(self, reply: Any, uow: UnitOfWork) -> None:
        envelope = uow.envelope
        row = uow.find(SagaRow, envelope.saga or "")
        if row is None:
            return
        progress = self._progress(row)
        if envelope.cause != _message_id(row, progress):
            uow.save(row._replace(history=_history(row, uow, IGNORED, envelope.cause or ""), updated_at=uow.now))
        elif reply.problem is not None:
            new = progress.refused(reply.problem)
            # A step after the pivot that was refused is asked again by the timer, not at once and for ever.
            retried = new.phase is Phase.RUNNING
            self._advance(uow, row, new, f"refused: {reply.problem.code}", ask=not retried)
        else:
            self._advance(uow, row, progress.succeeded(_view(progress, reply.result)), "answered", reply.result)

    def _on_wake(self, wake: WakeSaga, uow: UnitOfWork) -> None:
        row = uow.find(SagaRow, wake.saga_id)
        if row is None or row.timer_id != uow.message_id:
            return
        progress = self._progress(row)
        if uow.now >= row.deadline_at and (late := progress.overdue()) is not progress:
            self._advance(uow, row, late, "deadline")
            return
        uow.save(row._replace(history=_history(row, uow, AGAIN, progress.awaited or ""), updated_at=uow.now))
        self._ask(uow, row, progress, again=True)

    def _begin(self, kind: type[Saga], event: Message, uow: UnitOfWork) -> SagaRow:
        envelope = uow.envelope
        operation = uow.find(Operation, envelope.operation) if envelope.operation else None
        command = self._roster.handlers.get(f"{operation.type}.v1") if operation else None
        context = {
            "operation": envelope.operation,
            "request": envelope.request,
            "reply_to": envelope.reply_to,
            "caller": envelope.caller,
            "traceparent": envelope.traceparent,
            "type": operation.type if operation else None,
            "created_at": operation.created_at if operation else None,
            "finishes": command is not None and command.finished_by is kind,
        }
        return SagaRow(
            id=ids.derived("sag", envelope.id, kind.__name__),
            type=kind.__name__,
            domain=event.domain,
            operation_id=envelope.operation,
            phase=Phase.RUNNING,
            awaited=None,
            progress=None,
            history=[],
            context=context,
            timer_id=None,
            deadline_at=uow.now + kind.deadline,
            created_at=uow.now,
            updated_at=uow.now,
        )

    def _advance(
        self, uow: UnitOfWork, row: SagaRow, progress: Progress, what: str, result: Any = None, *, ask: bool = True
    ) -> None:
        new = row._replace(
            phase=progress.phase.value,
            awaited=progress.awaited,
            progress=progress,
            history=_history(row, uow, what, row.awaited or ""),
            updated_at=uow.now,
        )
        if row.progress is None:
            uow.add(new)
        else:
            uow.save(new)
        if ask:
            self._ask(uow, new, progress)
        if progress.phase in (Phase.COMPLETED, Phase.FAILED) and new.context["finishes"]:
            uow.finish(new.context, _outcome(new, progress, result))

    def _ask(self, uow: UnitOfWork, row: SagaRow, progress: Progress, *, again: bool = False) -> None:
        command = progress.command()
        if command is not None:
            uow.outputs.append(Sent(command, id=_message_id(row, progress), saga=row.id, again=again))

    def _progress(self, row: SagaRow) -> Progress:
        if isinstance(row.progress, Progress):
            return row.progress
        return Progress.restored(self._roster.sagas[row.type], row.progress)

    def _armed(self, world: World, row: SagaRow) -> SagaRow:
        if row.timer_id is not None:
            world.remove(Timer, row.timer_id)
        if isinstance(row.progress, Progress):
            row = row._replace(progress=row.progress.stored())
        if row.phase not in OPEN:
            return row if row.timer_id is None else row._replace(timer_id=None)
        due = world.now + self._resend * min(2 ** _asked_again(row), RESEND_BACKOFF_MAX)
        if row.phase == Phase.RUNNING and world.now < row.deadline_at:
            due = min(due, row.deadline_at)
        timer = ids.new("tim")
        queue = topology.commands(row.domain)
        envelope = Envelope(
            timer,
            WakeSaga.wire_name,
            WakeSaga(saga_id=row.id),
            operation=row.operation_id,
            request=row.context["request"],
            caller=_caller(row),
            traceparent=row.context["traceparent"],
        )
        world.insert(Timer(timer, due, queue, encode(envelope).decode()))
        return row._replace(timer_id=timer)


def _caller(row: SagaRow) -> Caller | None:
    stored = row.context["caller"]
    return Caller(**stored) if isinstance(stored, dict) else stored


def _message_id(row: SagaRow, progress: Progress) -> str:
    return f"{row.id}:{progress.awaited}"


def _history(row: SagaRow, uow: UnitOfWork, what: str, step: str) -> list[dict[str, Any]]:
    entry = {"at": uow.now, "what": what, "step": step}
    return [*row.history, entry][-HISTORY_ENTRIES_MAX:]


def _asked_again(row: SagaRow) -> int:
    """How often in a row the outstanding command has been asked again."""
    return next((n for n, entry in enumerate(reversed(row.history)) if entry["what"] != AGAIN), len(row.history))


def _view(progress: Progress, result: Any) -> Any:
    """The answer as the type that the command promises; from the same batch it is one already."""
    command = progress.command()
    if command is None or not isinstance(result, dict):
        return result
    return command.answer.model_validate(result)


def _outcome(row: SagaRow, progress: Progress, result: Any) -> Told:
    failed = progress.phase is Phase.FAILED
    return Told(
        "failed" if failed else "succeeded",
        result=result,
        problem=progress.problem if failed else None,
        type=row.context["type"],
        request=row.context["request"],
    )
