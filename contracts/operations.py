"""Operations: the durable answer behind every 202, the reply that carries it home, and what operators see and mend."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.ids import Id, OperationId, SagaId
from contracts.message import Command, Problem, Query, Reason, Refusal, Secret, View, exactly_one
from contracts.pages import Moment, PageOf

Status = Literal["pending", "succeeded", "failed", "unknown"]


class FailureView(View):
    """Why a thing failed; `code` is a refusal's."""

    code: str
    detail: str


class OperationView(View):
    """Where a command stands. `result` is the resource as the command left it; `unknown` is not final."""

    id: OperationId
    type: str
    status: Status
    created_at: datetime
    completed_at: datetime | None = None
    result: dict[str, Any] | None = None
    problem: Problem | None = None


class GetOperation(Query[OperationView]):
    """One operation of the caller's own (or of anybody, for those who oversee)."""

    operation_id: OperationId


class RevealsView(View):
    """What is shown, by the names of the fields that are null in the operation's result."""

    values: Annotated[dict[str, str], Secret()]


class GetReveals(Query[RevealsView]):
    """What an operation of the caller's very own shows for now: nothing, some minutes after it was made."""

    operation_id: OperationId


class AuditEntryView(View):
    """One change: who made it, of what, from where, and why if that was asked.

    `action` is a command's name, as in an operation's `type`. `before` and `after` show what differs, without secrets.
    """

    id: Id
    actor: str
    action: str
    object: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None
    operation_id: OperationId | None
    reason: str | None
    created_at: datetime


class ListAudit(PageOf[AuditEntryView]):
    """What people and keys have changed, newest first. `created_to` is exclusive."""

    actor: Id | None = None
    action: Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z_.]+$")] | None = None
    object: Id | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class Reply(View):
    """An answer on its way home: to the gateway that asked, or to the saga that sent the command.

    `type` and the times are those of the operation (None for queries, calls and a saga's commands).
    `request` is the request that the operation was first made by: another one is a repeat.
    """

    status: Status
    result: dict[str, Any] | None = None
    problem: Problem | None = None
    type: str | None = None
    request: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None


TypeName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.?]+$")]
SagaStatus = Literal["running", "undoing", "failing", "completed", "failed", "stuck"]
DeadLetterStatus = Literal["open", "replayed", "discarded"]


class SagaProblemView(FailureView):
    """Why a business process is undone, has failed or waits: the refusal of one of its steps."""

    title: str


class SagaView(View):
    """A business process and where it stands.

    `awaiting` names the step (or undo) whose answer is outstanding, `asked_again` how often in a row it has been asked
    again. `stuck` ones need a person, or are open after their deadline.
    """

    id: SagaId
    type: str
    status: SagaStatus
    stuck: bool
    awaiting: str | None
    asked_again: int
    problem: SagaProblemView | None
    operation_id: OperationId | None
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime


class SagaEntryView(View):
    """One thing that happened to a saga; `by` and `reason` are an operator's."""

    at: datetime
    what: str
    step: str
    by: str | None = None
    reason: str | None = None


class SagaDetailsView(SagaView):
    """A saga with its state and everything that happened to it (the newest 200 entries)."""

    state: dict[str, Any]
    history: list[SagaEntryView]


class DeadLetterView(View):
    """A message that failed for good, and what an operator did with it."""

    id: Id
    queue: str
    type: str
    status: DeadLetterStatus
    reason: str
    operation_id: OperationId | None
    saga_id: SagaId | None
    died_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolved_reason: str | None


class DeadLetterDetailsView(DeadLetterView):
    """With its payload, secrets masked, and the stack of its last failure. `text` is what is not even a message."""

    payload: dict[str, Any] | None
    text: str | None
    stack: str


class ReplayedView(View):
    """How many were replayed; `has_more` if there are more of this type."""

    count: int
    has_more: bool


class ListSagas(PageOf[SagaView]):
    """Business processes, newest first. `created_to` is exclusive: what is older than that."""

    status: SagaStatus | None = None
    stuck: bool | None = None
    type: TypeName | None = None
    operation_id: OperationId | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class GetSaga(Query[SagaDetailsView]):
    """One business process with its history."""

    saga_id: SagaId


class RetrySaga(Command[SagaView]):
    """Ask a saga's outstanding question again now; one that is stuck goes on where it stuck. Raises `SagaEnded`."""

    saga_id: SagaId
    reason: Reason


class CompensateSaga(Command[SagaView]):
    """Undo a saga that has not reached its point of no return. Raises `PivotPassed`, `UndoStuck`."""

    saga_id: SagaId
    reason: Reason


class ListDeadLetters(PageOf[DeadLetterView]):
    """Messages that failed for good, newest first; without a `status` also those that were resolved."""

    status: DeadLetterStatus | None = None
    queue: TypeName | None = None
    type: TypeName | None = None
    died_from: Moment | None = None
    died_to: Moment | None = None


class GetDeadLetter(Query[DeadLetterDetailsView]):
    """One dead letter."""

    letter_id: Id


class ReplayDeadLetter(Command[DeadLetterView]):
    """Send a dead letter to its queue again. Raises `AlreadyDiscarded`, `Unreadable`."""

    letter_id: Id
    reason: Reason


class ReplayDeadLetters(Command[ReplayedView]):
    """Send many again: these, or up to 256 open ones of a type, the oldest first. What can't be replayed is left."""

    model_config = exactly_one("ids", "type")
    slow = True

    ids: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = None
    type: TypeName | None = None
    reason: Reason

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.ids is None) == (self.type is None):
            message = "Name exactly one of ids and type."
            raise ValueError(message)
        return self


class DiscardDeadLetter(Command[DeadLetterView]):
    """Give a dead letter up: its sender is refused, so that sagas undo. Raises `AlreadyReplayed`, `SagaNeedsIt`."""

    letter_id: Id
    reason: Reason


class SagaEnded(Refusal):
    """There is nothing left to ask."""

    detail = "This business process has ended; there is nothing left to ask."


class PivotPassed(Refusal):
    """Undoing it now could lose money or double it."""

    detail = "This business process has passed its point of no return; it can only go on."


class UndoStuck(Refusal):
    """It is being undone already, and that got stuck."""

    detail = "This business process got stuck while it was undone; retry it."


class SagaUnknown(Refusal):
    """Another version started it."""

    detail = "This version of Saldo does not know this kind of business process, or the step that it stands at."


class CompensatedByOperator(Refusal):
    """An operator undid the business process."""

    detail = "The operation was undone by an operator."


class AlreadyReplayed(Refusal):
    """Somebody was faster."""

    detail = "This dead letter has been replayed."


class AlreadyDiscarded(Refusal):
    """Somebody was faster."""

    detail = "This dead letter has been discarded."


class Unreadable(Refusal):
    """The letter is not even a message, so that it can only be discarded."""

    detail = "This dead letter is not a message that could be replayed."


class SagaNeedsIt(Refusal):
    """The letter keeps a business process going: without it that would stand still for ever."""

    detail = "A business process waits for this message; it can only be replayed."
