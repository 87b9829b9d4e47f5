"""The rounds of a batch: each message decides in its own overlay; what it says to a domain hosted here goes on."""

from collections import Counter
from typing import Any

from contracts import topology
from contracts.envelope import Envelope
from contracts.message import Event, Refusal
from workers.runtime.needs import Need
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Outgoing
from workers.runtime.reveals import Reveals
from workers.runtime.roster import Roster
from workers.runtime.tables import Claim, Operation, Outcome, SagaRow
from workers.runtime.turns import Turn
from workers.runtime.unit_of_work import Sent, UnitOfWork, World
from workers.runtime.work import REPLY, Told, Work

ROUNDS_MAX = 16


class Poisoned(Exception):
    """A handler raised something that is not a refusal. `work` is the arrived message that led to it."""

    def __init__(self, work: Work) -> None:
        super().__init__(work.envelope.type)
        self.work = work


class Deciding:
    """The rounds of one part of a batch, in one attempt. With `local` off everything said leaves through the broker.

    `pending` is what goes on in the next round.
    """

    def __init__(
        self,
        world: World,
        roster: Roster,
        orchestrator: Orchestrator,
        reveals: Reveals,
        outgoing: Outgoing,
        pending: list[Work],
        *,
        local: bool,
    ) -> None:
        self.outgoing = outgoing
        self.pending = pending
        self.touched: list[tuple[type[Any], str]] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self._world = world
        self._roster = roster
        self._orchestrator = orchestrator
        self._reveals = reveals
        self._sent_at = world.now.timestamp()
        self._rounds_left = ROUNDS_MAX if local else 1

    def needs(self) -> list[Need]:
        """What the next round needs loaded. Raises `Poisoned`."""
        return [need for work in self.pending for need in self._needs(work)]

    def round(self) -> None:
        """Decide what is pending. Raises `Poisoned`."""
        self._rounds_left -= 1
        self._world.touched = self.touched
        following: list[Work] = []
        for work in self.pending:
            try:
                following += self._one(work)
            except Exception as error:
                raise Poisoned(work.root or work) from error
        self.pending = following

    def end(self) -> None:
        """Nothing is pending any more: see to the timers of its sagas."""
        self._world.touched = self.touched
        self._orchestrator.arm(self._world, [key for kind, key in self.touched if kind is SagaRow])

    def _needs(self, work: Work) -> list[Need]:
        try:
            return [*work.needs(), *self._orchestrator.needs_operation(work)]
        except Exception as error:
            raise Poisoned(work.root or work) from error

    def _one(self, work: Work) -> list[Work]:
        uow = UnitOfWork(self._world, work.envelope, work.prepared)
        if work.root is not None and work.root.span is not None:
            work.root.span.add_event(work.envelope.type)
        try:
            if work.refusal is not None:
                raise work.refusal
            view = work.handler.decide(work.message, uow)
        except Refusal as refusal:
            self.counts[work.envelope.type, "refused"] += 1
            return self._settle(work, Told("failed", problem=refusal.problem()))
        uow.merge()
        if isinstance(view, Refusal):
            # A "no" that leaves something behind, such as a failed attempt that counts.
            self.counts[work.envelope.type, "refused"] += 1
            following = self._settle(work, Told("failed", problem=view.problem()))
            return following + self._outputs(work, uow)
        self.counts[work.envelope.type, "succeeded"] += 1
        if uow.revealed:
            self._reveal(work, uow)
        pending = work.handler.finished_by is not None
        following = self._settle(work, Told("pending") if pending else Told("succeeded", view))
        for context, told in uow.finished:
            self._finish(context, told)
        for queue, envelope in uow.forwarded:
            self.outgoing.send(queue, envelope)
        return following + self._outputs(work, uow)

    def _outputs(self, work: Work, uow: UnitOfWork) -> list[Work]:
        return [next_ for n, sent in enumerate(uow.outputs) for next_ in self._say(work, sent, n)]

    def _reveal(self, work: Work, uow: UnitOfWork) -> None:
        """Seal what the message shows with its operation, so that whoever answers for that can open it."""
        answer = work.handler.message.answer  # type: ignore[attr-defined]
        assert uow.revealed.keys() <= answer.reveals, f"{answer.__name__} marks not all of this as revealed"
        self._world.insert(self._reveals.sealed(uow.operation_id, uow.caller.principal, uow.revealed, self._world.now))

    def _settle(self, work: Work, told: Told) -> list[Work]:
        """Record that the message was handled, and answer it."""
        if work.is_root:
            told = self._record(work, told)
        elif not work.is_call and (work.arrived or self._rounds_left <= 0):
            # The last round's answers leave through the broker: until they are back the question may be asked again.
            self._world.claim(Claim(work.envelope.id, work.domain, self._world.now, self.outgoing.batch))
        return self._answer(work, told) if work.handler.message.is_asked else []

    def _record(self, work: Work, told: Told) -> Told:
        """The operation, with its outcome where it has one."""
        envelope = work.envelope
        assert envelope.caller is not None
        assert envelope.operation is not None
        kind, now = envelope.type.rpartition(".")[0], self._world.now
        completed_at = None if told.status == "pending" else now
        operation = Operation(
            envelope.operation,
            kind,
            envelope.caller.principal,
            envelope.fingerprint or "",
            envelope.request or "",
            told.status,
            told.result,
            told.problem,
            now,
            completed_at,
            self.outgoing.batch,
        )
        self._world.insert(operation)
        return Told(told.status, told.result, told.problem, kind, envelope.request, now, completed_at)

    def _finish(self, context: dict[str, Any], told: Told) -> None:
        """A saga ends its operation."""
        operation = context["operation"]
        now = None if told.status == "unknown" else self._world.now
        told = Told(told.status, told.result, told.problem, told.type, told.request, context["created_at"], now)
        inserted = self._world.inserted.get(Operation, {}).get(operation)
        if inserted is not None:
            outcome = {"status": told.status, "result": told.result, "problem": told.problem, "completed_at": now}
            self._world.update(inserted._replace(**outcome))
        else:
            self._world.update(Outcome(operation, told.status, told.result, told.problem, now))
        asked = Envelope(operation, "", {}, operation, context["request"], reply_to=context["reply_to"])
        self.outgoing.answer(asked, told)

    def _answer(self, work: Work, told: Told) -> list[Work]:
        envelope = work.envelope
        if envelope.saga is None or envelope.reply_to is None:
            self.outgoing.answer(envelope, told)
            return []
        saga = self._world.entities.get(SagaRow, {}).get(envelope.saga)
        if saga is not None and self._rounds_left > 0:
            turn = self._orchestrator.answered(saga, envelope.id, told, self._world)
            self._world.update(turn.row)
            return self._follow(work, turn)
        reply = Envelope(
            f"{envelope.id}:reply",
            REPLY,
            told,
            operation=envelope.operation,
            request=envelope.request,
            cause=envelope.id,
            saga=envelope.saga,
            caller=envelope.caller,
            traceparent=envelope.traceparent,
        )
        return self._go(work, envelope.reply_to, reply, told)

    def _say(self, work: Work, sent: Sent, number: int) -> list[Work]:
        message, cause = sent.message, work.envelope
        if message.is_event and not self._matters(message):
            return []
        # By position: naming its fields doubles the time to make one, four times per transfer.
        envelope = Envelope(
            sent.id or f"{cause.id}:{number}",
            message.wire_name,
            message,
            sent.operation or cause.operation,
            cause.request,
            None,
            cause.id,
            sent.reply_to or (cause.reply_to if message.is_event else None),
            sent.saga,
            cause.caller,
            1,
            cause.traceparent,
            self._sent_at,
        )
        if message.is_event:
            return self._emit(work, envelope, message)
        if sent.queue is not None:
            return self._go(work, sent.queue, envelope, message)
        assert message.internal, f"{envelope.type} is for people to send: apart from us nobody would take it"
        queue = topology.slow(message.domain) if message.slow else topology.commands(message.domain)
        if sent.again:
            self.outgoing.send(queue, envelope)
            return []
        return self._go(work, queue, envelope, message)

    def _matters(self, event: Event) -> bool:
        """Whether anybody would do anything with it."""
        return event.wire_name in self._roster.heard or self._orchestrator.starts(event.wire_name)

    def _emit(self, work: Work, envelope: Envelope, event: Event) -> list[Work]:
        if envelope.type in self._roster.heard:
            self.outgoing.publish(envelope)
        if not self._orchestrator.starts(envelope.type):
            return []
        operation = self._world.inserted.get(Operation, {}).get(envelope.operation or "")
        if operation is None or self._rounds_left <= 0:
            return self._go(work, topology.commands(event.domain), envelope, event)
        following: list[Work] = []
        for turn in self._orchestrator.begun(event, envelope, operation, self._world):
            self._world.insert(turn.row)
            following += self._follow(work, turn)
        return following

    def _follow(self, work: Work, turn: Turn) -> list[Work]:
        """A saga of this batch has taken its turn at once: with its row here there was nothing to load."""
        if turn.ends is not None:
            self._finish(turn.row.context, turn.ends)
        return [] if turn.asks is None else self._say(work, turn.asks, 0)

    def _go(self, work: Work, queue: str, envelope: Envelope, message: Any) -> list[Work]:
        """On to the next round if the recipient is hosted here, else out through the broker."""
        handler = self._orchestrator.hosted(envelope.type, queue) if self._rounds_left > 0 else None
        if handler is None:
            self.outgoing.send(queue, envelope)
            return []
        return [Work(envelope, message, handler, queue, root=work.root or work)]
