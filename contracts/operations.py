"""Operations: the durable answer behind every 202, and the reply that carries an answer home."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from contracts.ids import Id, OperationId
from contracts.message import Problem, Query, Secret, View
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
