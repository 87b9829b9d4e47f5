"""Messages that came more than once: each is handled once, and each submission of a command is answered."""

from collections.abc import Sequence
from typing import cast

from contracts.message import IdempotencyKeyReused
from contracts.operations import Status
from workers.runtime.outbox import Outgoing
from workers.runtime.tables import Operation
from workers.runtime.work import Told, Work


def first_of_each(batch: Sequence[Work]) -> tuple[list[Work], list[Work]]:
    """Each message once, and the others that came for the same operations: repeats, and misused keys."""
    first: dict[tuple[str, str], Work] = {}
    for work in batch:
        # One key is one operation, whatever it is used for: also where two domains are asked.
        first.setdefault((work.envelope.id, "" if work.is_root else work.domain), work)
    kept = set(first.values())
    return list(first.values()), [work for work in batch if work.is_root and work not in kept]


def answer_repeat(outgoing: Outgoing, work: Work, operation: Operation) -> None:
    """Answer a repeated command from its operation; the fingerprint tells a repeat from a misused key."""
    if operation.fingerprint != work.envelope.fingerprint:
        problem = IdempotencyKeyReused().problem()
        outgoing.answer(work.envelope, Told("failed", problem=problem, request=operation.request_id))
        return
    told = Told(
        cast("Status", operation.status),
        operation.result,
        operation.problem,
        operation.type,
        operation.request_id,
        operation.created_at,
        operation.completed_at,
    )
    outgoing.answer(work.envelope, told)
