"""The runtime's own rows: operations, inbox, untold bundles, sagas, timers and dead letters."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, Computed, DateTime, Index, MetaData, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSON, JSONB

from workers.runtime.stored import stored

metadata = MetaData(schema="runtime")

Time = DateTime(timezone=True)
Id = Text(collation="C")

operations = Table(
    "operations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("result", JSON),
    Column("problem", JSON),
    Column("created_at", Time, nullable=False),
    Column("completed_at", Time),
    Column("batch", Text, nullable=False),
)
inbox = Table(
    "inbox",
    metadata,
    Column("id", Id, nullable=False),
    Column("domain", Text, nullable=False),
    Column("claimed_at", Time, nullable=False),
    Column("batch", Text, nullable=False),
    # Not partitioned by time: the same id must not be claimable twice, in whatever month.
    PrimaryKeyConstraint("id", "domain"),
    Index("inbox_claimed_at", "claimed_at"),
)
untold = Table(
    "untold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("bundles", Text, nullable=False),
    Column("created_at", Time, nullable=False),
)
sagas = Table(
    "sagas",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("operation_id", Text),
    Column("phase", Text, nullable=False),
    Column("awaited", Text),
    Column("progress", JSON, nullable=False),
    Column("history", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("timer_id", Text),
    Column("deadline_at", Time, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
)
Index("sagas_open", sagas.c.phase, sagas.c.created_at, postgresql_where=~sagas.c.phase.in_(["completed", "failed"]))
timers = Table(
    "timers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("due_at", Time, nullable=False),
    Column("queue", Text, nullable=False),
    Column("message", Text, nullable=False),
    Index("timers_due_at", "due_at"),
)
reveals = Table(
    "reveals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("principal", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index("reveals_expires_at", "expires_at"),
)
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("message", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("stack", Text, nullable=False),
    Column("died_at", Time, nullable=False),
    Column("resolution", Text),
    Column("resolved_at", Time),
    Column("resolved_by", Text),
    Column("resolved_reason", Text),
    Column("said", Text, Computed("message #>> '{}'"), nullable=False),
)


class Operation(NamedTuple):
    """A root command and where it stands. `request_id` is the submission that made it."""

    id: str
    type: str
    principal: str
    fingerprint: str
    request_id: str
    status: str
    result: Any
    problem: Any
    created_at: datetime
    completed_at: datetime | None
    batch: str


class Outcome(NamedTuple):
    """The part of an operation that finishing it changes."""

    id: str
    status: str
    result: Any
    problem: Any
    completed_at: datetime | None


class Claim(NamedTuple):
    """A message that a domain has handled."""

    id: str
    domain: str
    claimed_at: datetime
    batch: str


class Untold(NamedTuple):
    """A batch's encoded outgoing bundles, until the broker has confirmed them."""

    id: str
    bundles: str
    created_at: datetime


class SagaRow(NamedTuple):
    """One saga with its history. `context` is what its messages inherit from the root command."""

    id: str
    type: str
    domain: str
    operation_id: str | None
    phase: str
    awaited: str | None
    progress: Any
    history: Any
    context: Any
    timer_id: str | None
    deadline_at: datetime
    created_at: datetime
    updated_at: datetime

    def turned(self, phase: str, awaited: str | None, progress: Any, history: Any, now: datetime) -> "SagaRow":
        """After a turn; `_replace` would take three times as long, four times per transfer."""
        return SagaRow(
            self.id, self.type, self.domain, self.operation_id, phase, awaited, progress, history,
            self.context, self.timer_id, self.deadline_at, self.created_at, now,
        )  # fmt: skip


class Timer(NamedTuple):
    """An encoded envelope that is published to `queue` when it is due."""

    id: str
    due_at: datetime
    queue: str
    message: str


class Revealed(NamedTuple):
    """What the operation `id` shows its `principal` for a while, sealed."""

    id: str
    principal: str
    sealed: str
    expires_at: datetime


class Letter(NamedTuple):
    """A message that failed for good. `said` is its envelope as text, `resolution` what an operator did with it."""

    id: str
    domain: str
    queue: str
    type: str
    said: str
    reason: str
    stack: str
    died_at: datetime
    resolution: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolved_reason: str | None


stored(Operation, operations, order=900, mutable=("status", "result", "problem", "completed_at"))
stored(Outcome, operations, order=900, mutable=("status", "result", "problem", "completed_at"))
stored(Claim, inbox, order=910)
stored(Untold, untold, order=920)
stored(
    SagaRow,
    sagas,
    order=1,
    mutable=("phase", "awaited", "progress", "history", "timer_id", "updated_at"),
)
stored(Timer, timers, order=930)
stored(Revealed, reveals, order=940)


stored(
    Letter,
    dead_letters,
    order=2,
    mutable=("resolution", "resolved_at", "resolved_by", "resolved_reason"),
)
