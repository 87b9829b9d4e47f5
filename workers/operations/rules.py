"""What becomes of a dead letter that an operator resolves, and how operators see sagas and letters: pure."""

from datetime import datetime
from typing import Any, cast

from contracts.operations import (
    AlreadyDiscarded,
    AlreadyReplayed,
    DeadLetterDetailsView,
    DeadLetterStatus,
    DeadLetterView,
    SagaDetailsView,
    SagaEntryView,
    SagaProblemView,
    SagaView,
)
from workers.operations import masking
from workers.runtime import dead_letters
from workers.runtime.interventions import Hand
from workers.runtime.saga import OPEN, Phase, Progress
from workers.runtime.tables import Letter, SagaRow
from workers.runtime.turns import asked_again

REPLAYED, DISCARDED = "replayed", "discarded"
TEXT_LENGTH_MAX = 4_000


def replay(letter: Letter, hand: Hand, at: datetime) -> Letter:
    """Resolved by replaying; once more changes nothing. Raises `AlreadyDiscarded`."""
    if letter.resolution == DISCARDED:
        raise AlreadyDiscarded
    return letter if letter.resolution else _resolved(letter, REPLAYED, hand, at)


def discard(letter: Letter, hand: Hand, at: datetime) -> Letter:
    """Resolved by giving up; once more changes nothing. Raises `AlreadyReplayed`."""
    if letter.resolution == REPLAYED:
        raise AlreadyReplayed
    return letter if letter.resolution else _resolved(letter, DISCARDED, hand, at)


def _resolved(letter: Letter, resolution: str, hand: Hand, at: datetime) -> Letter:
    return letter._replace(
        resolution=resolution, resolved_at=at, resolved_by=hand.principal, resolved_reason=hand.reason
    )


def saga_view(row: SagaRow, now: datetime) -> SagaView:
    """A saga in a list."""
    return SagaView(**_of_saga(row, now))


def saga_details(row: SagaRow, now: datetime) -> SagaDetailsView:
    """A saga with its state and history."""
    state = masking.masked(_stored(row)["saga"])
    history = [SagaEntryView.model_validate(entry) for entry in row.history]
    return SagaDetailsView(**_of_saga(row, now), state=state, history=history)


def letter_view(letter: Letter) -> DeadLetterView:
    """A letter in a list."""
    return DeadLetterView(**_of_letter(letter))


def letter_details(letter: Letter) -> DeadLetterDetailsView:
    """A letter with everything that helps to find out what is wrong, and nothing that is secret."""
    envelope = dead_letters.said_by(letter)
    return DeadLetterDetailsView(
        **_of_letter(letter),
        payload=None if envelope is None else masking.masked(envelope.body),
        text=masking.text(letter.said[:TEXT_LENGTH_MAX]) if envelope is None else None,
        stack=masking.text(letter.stack),
    )


def _of_saga(row: SagaRow, now: datetime) -> dict[str, Any]:
    problem = _stored(row)["problem"]
    return {
        "id": row.id,
        "type": row.type,
        "status": row.phase,
        "stuck": row.phase == Phase.STUCK or (row.phase in OPEN and row.deadline_at < now),
        "awaiting": row.awaited,
        "asked_again": asked_again(row),
        "problem": problem and SagaProblemView.model_validate(problem, from_attributes=True),
        "operation_id": row.operation_id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "deadline_at": row.deadline_at,
    }


def _stored(row: SagaRow) -> dict[str, Any]:
    progress = row.progress
    return progress.stored() if isinstance(progress, Progress) else cast("dict[str, Any]", progress)


def _of_letter(letter: Letter) -> dict[str, Any]:
    envelope = dead_letters.said_by(letter)
    return {
        "id": letter.id,
        "queue": letter.queue,
        "type": letter.type,
        "status": cast("DeadLetterStatus", letter.resolution or "open"),
        "reason": masking.text(letter.reason),
        "operation_id": envelope and envelope.operation,
        "saga_id": envelope and envelope.saga,
        "died_at": letter.died_at,
        "resolved_at": letter.resolved_at,
        "resolved_by": letter.resolved_by,
        "resolved_reason": letter.resolved_reason,
    }
