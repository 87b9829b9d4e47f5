"""Sagas at work: what reaches them through the broker, and the timers that keep them going."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from contracts import ids, topology
from contracts.envelope import Caller, Envelope, encode
from contracts.message import Message
from contracts.operations import Reply
from workers.runtime.handlers import Handler
from workers.runtime.interventions import moved_by_hand
from workers.runtime.needs import Need, rows
from workers.runtime.roster import Roster
from workers.runtime.saga import OPEN, Phase, Progress
from workers.runtime.tables import Operation, SagaRow, Timer
from workers.runtime.turns import Turn, Turns, asked_again, waiting_seconds
from workers.runtime.unit_of_work import Sent, UnitOfWork, World
from workers.runtime.work import REPLY, Work

RESEND_BACKOFF_MAX = 64


class WakeSaga(Message):
    """A saga's timer is due. The message's id is the timer's."""

    saga_id: str


class NudgeSaga(Message):
    """Whoever made a saga wait knows more by now: it is to ask at once."""

    saga_id: str


def nudge(uow: UnitOfWork, domain: str, saga_id: str) -> None:
    """Let a waiting saga of `domain` ask again now, instead of when its timer is due."""
    uow.outputs.append(Sent(NudgeSaga(saga_id=saga_id), queue=topology.commands(domain)))


class Orchestrator:
    """Handlers of the messages that sagas live on, for the sagas of one roster."""

    def __init__(self, roster: Roster, *, resend_seconds: float) -> None:
        self._roster = roster
        self._turns = Turns(roster)
        self.hosted = cache(self._handler_here)
        self._resend = timedelta(seconds=resend_seconds)
        self._answered = Handler(Reply, self._on_reply, lambda envelope: [rows(SagaRow, envelope.saga)])
        self._woken = Handler(WakeSaga, self._on_wake, lambda wake: [rows(SagaRow, wake.saga_id)])
        self._nudged = Handler(NudgeSaga, self._on_nudge, lambda nudge: [rows(SagaRow, nudge.saga_id)])
        self._starting = {
            name: Handler(starting[0].starts_on, self._on_start, None) for name, starting in roster.starters.items()
        }

    def handler(self, wire_name: str, queue: str) -> Handler | None:
        """The handler of a message that concerns sagas, from the queue of their domain's commands."""
        if not queue.endswith(".commands"):
            return None
        if wire_name == REPLY:
            return self._answered
        if wire_name == NudgeSaga.wire_name:
            return self._nudged
        return self._woken if wire_name == WakeSaga.wire_name else self._starting.get(wire_name)

    def starts(self, wire_name: str) -> bool:
        """Whether this event starts a saga that is hosted here."""
        return wire_name in self._starting

    def needs_operation(self, work: Work) -> list[Need]:
        """A saga that starts away from its command's batch looks at the operation that it may finish."""
        starting = work.handler.message.wire_name in self._starting
        return [rows(Operation, work.envelope.operation)] if starting and work.envelope.operation else []

    def begun(self, event: Any, envelope: Envelope, operation: Operation | None, world: World) -> Iterator[Turn]:
        """The first turns of the sagas that an event of this batch starts."""
        for kind in self._roster.starters[envelope.type]:
            yield self._turns.begun(kind, event, envelope, operation, world.now)

    def answered(self, row: SagaRow, cause: str, told: Any, world: World) -> Turn:
        """The turn of a saga that this batch has loaded or started, and now answers."""
        return self._turns.answered(row, cause, told.problem, told.result, world.now)

    def arm(self, world: World, sagas: Iterable[str]) -> None:
        """Every saga that is open at commit has a timer, and no other has one."""
        for saga in sagas:
            world.update(self._armed(world, world.entities[SagaRow][saga]))

    def _handler_here(self, wire_name: str, queue: str) -> Handler | None:
        """The handler of a message for that queue, if it is hosted here and needs no preparation."""
        handler = self.handler(wire_name, queue) or self._roster.handler(wire_name, queue)
        here = queue.partition(".")[0] in self._roster.domains
        return handler if here and handler is not None and handler.prepare is None else None

    def _on_start(self, event: Any, uow: UnitOfWork) -> None:
        operation = uow.find(Operation, uow.operation_id) if uow.envelope.operation else None
        for kind in self._roster.starters[event.wire_name]:
            turn = self._turns.begun(kind, event, uow.envelope, operation, uow.now)
            uow.add(turn.row)
            _follow(uow, turn)

    def _on_reply(self, reply: Any, uow: UnitOfWork) -> None:
        envelope = uow.envelope
        row = uow.find(SagaRow, envelope.saga or "")
        if row is not None:
            turn = self._turns.answered(row, envelope.cause, reply.problem, reply.result, uow.now)
            uow.save(turn.row)
            _follow(uow, turn)

    def _on_wake(self, wake: WakeSaga, uow: UnitOfWork) -> None:
        row = uow.find(SagaRow, wake.saga_id)
        if row is not None and row.timer_id == uow.message_id:
            turn = self._turns.woken(row, uow.now)
            uow.save(turn.row)
            _follow(uow, turn)

    def _on_nudge(self, nudge: NudgeSaga, uow: UnitOfWork) -> None:
        row = uow.find(SagaRow, nudge.saga_id)
        if row is not None:
            turn = self._turns.nudged(row, uow.now)
            uow.save(turn.row)
            _follow(uow, turn)

    def _armed(self, world: World, row: SagaRow) -> SagaRow:
        if row.timer_id is not None:
            world.remove(Timer, row.timer_id)
        if isinstance(row.progress, Progress):
            row = row._replace(progress=row.progress.stored())
        if row.phase not in OPEN:
            return row if row.timer_id is None else row._replace(timer_id=None)
        due = world.now
        if not moved_by_hand(row):
            waits = waiting_seconds(row)
            resend = self._resend * min(2 ** asked_again(row), RESEND_BACKOFF_MAX)
            due += resend if waits is None else timedelta(seconds=waits)
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


def _follow(uow: UnitOfWork, turn: Turn) -> None:
    if turn.asks is not None:
        uow.outputs.append(turn.asks)
    if turn.ends is not None:
        uow.finish(turn.row.context, turn.ends)


def _caller(row: SagaRow) -> Caller | None:
    stored = row.context["caller"]
    return Caller(**stored) if isinstance(stored, dict) else stored
