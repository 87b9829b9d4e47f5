"""Which of a batch's messages are known already: root commands by their operation, all others by their claim."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.runtime.database import Connection
from workers.runtime.stored import mapping
from workers.runtime.tables import Operation
from workers.runtime.work import Work

REPEATS_SECONDS = 10.0

OPERATIONS = (
    "SELECT id, type, principal, fingerprint, request_id, status, result, problem, created_at, completed_at, batch "
    "FROM runtime.operations WHERE id = ANY($1::text[])"
)
CLAIMS = (
    "SELECT i.id, i.domain, i.batch FROM unnest($1::text[], $2::text[]) AS d(id, domain) "
    "JOIN runtime.inbox AS i ON i.id = d.id AND i.domain = d.domain"
)


@dataclass(slots=True)
class Known:
    """What has been handled before, and the batches that did it."""

    operations: dict[str, Operation] = field(default_factory=dict)
    claims: set[tuple[str, str]] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)

    def has(self, work: Work) -> bool:
        """Whether this message was handled."""
        if work.is_root:
            return work.envelope.id in self.operations
        return (work.envelope.id, work.domain) in self.claims


class Inbox:
    """Looks messages up only where that is likely to find some.

    A message that is handled a second time meets its own row when it is saved: no two rows have one key. So what
    comes for the first time needs no looking up; the batch whose guess was wrong is done again. Repeats come in flocks
    (clients repeat what a slow answer made them give up), so that then each batch is looked up for a while.
    """

    def __init__(self) -> None:
        self._wary_until = 0.0

    def suspects(self, batch: Iterable[Work]) -> bool:
        """Whether some of these are likely to be known."""
        return time.monotonic() < self._wary_until or any(work.again for work in batch)

    def repeated(self) -> None:
        """A message was there already."""
        self._wary_until = time.monotonic() + REPEATS_SECONDS


async def known(connection: Connection, batch: Iterable[Work]) -> Known:
    """Look the batch's messages up, roots and others each with one SELECT and only where there are any."""
    found = Known()
    durable = [work for work in batch if not work.is_call]
    roots = [work.envelope.id for work in durable if work.is_root]
    others = [(work.envelope.id, work.domain) for work in durable if not work.is_root]
    if roots:
        for row in await connection.fetch(OPERATIONS, roots):
            found.operations[row[0]] = operation = mapping(Operation).load(row)
            found.batches.add(operation.batch)
    if others:
        for row in await connection.fetch(CLAIMS, *map(list, zip(*others, strict=True))):
            found.claims.add((row[0], row[1]))
            found.batches.add(row[2])
    return found
