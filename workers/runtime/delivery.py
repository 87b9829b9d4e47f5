"""Messages in, one transaction, messages out: everything a worker does to the world goes through `deliver`."""

import asyncio
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import structlog

from contracts import ids
from contracts.operations import Status
from workers.runtime import inbox, tracing
from workers.runtime.database import CONTENTION, Connection, Database, DatabaseAway
from workers.runtime.deciding import Deciding, Poisoned, misused
from workers.runtime.failures import Failures
from workers.runtime.inbox import Known
from workers.runtime.loading import load
from workers.runtime.needs import Need
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Bundle, Outgoing, Teller, bundles_of, untold
from workers.runtime.roster import Roster
from workers.runtime.saga import OPEN
from workers.runtime.saving import save
from workers.runtime.tables import SagaRow, Untold
from workers.runtime.telemetry import metrics
from workers.runtime.unit_of_work import World
from workers.runtime.work import Told, Work

log = structlog.get_logger()

CONTENTION_TRIES_MAX = 20


class SaveFailed(Exception):
    """The database refused what a batch decided."""


@dataclass(slots=True)
class Committed:
    """What is left to say after a commit. `again` are bundles of earlier batches that were perhaps never told."""

    batch: str
    outgoing: Outgoing
    bundles: list[Bundle]
    again: dict[str, list[Bundle]] = field(default_factory=dict)


class Delivery:
    """The delivery loop's body. One `deliver` at a time per instance."""

    def __init__(
        self, database: Database, roster: Roster, orchestrator: Orchestrator, teller: Teller, failures: Failures
    ) -> None:
        self._database = database
        self._roster = roster
        self._orchestrator = orchestrator
        self._teller = teller
        self._failures = failures

    async def deliver(self, batch: Sequence[Work], *, alone: bool = False) -> list[Committed]:
        """Handle a batch to the end: committed, or republished for a later attempt, or dead-lettered.

        Returns what is to be told, replies first. `alone` handles message by message with local rounds off. Raises
        `DatabaseAway`, `NotSent` or `Unconfirmed`: then nothing may be acknowledged.
        """
        if alone:
            return [done for work in batch for done in await self._alone(work)]
        rest, culprits = list(batch), list[Work]()
        done: list[Committed] = []
        while rest:
            try:
                done.append(await self._attempt(rest, local=True))
                break
            except Poisoned as poisoned:
                culprits.append(poisoned.work)
                rest = [work for work in rest if work is not poisoned.work]
            except SaveFailed:
                culprits += rest
                break
        for work in culprits:
            done += await self._alone(work)
        return done

    async def tell(self, committed: Committed) -> None:
        """Say what a batch decided: answers first, then bundles with confirms."""
        await self._teller.reply(committed.outgoing)
        if committed.bundles:
            await self._teller.tell(committed.batch, committed.bundles)
        for batch, bundles in committed.again.items():
            await self._teller.tell(batch, bundles)

    async def answer(self, outgoing: Outgoing) -> None:
        """Send answers that no batch decided."""
        await self._teller.reply(outgoing)

    async def unclaimed(self, works: Sequence[Work]) -> list[Work]:
        """Those of `works` that have not been handled yet. Raises `DatabaseAway`."""
        async with self._database.transaction() as connection:
            known = await inbox.known(connection, works)
        return [work for work in works if not known.has(work)]

    async def _alone(self, work: Work) -> list[Committed]:
        try:
            return [await self._attempt([work], local=False)]
        except (Poisoned, SaveFailed) as failure:
            cause = failure.__cause__ or failure
            stack = "".join(traceback.format_exception(cause))
            answer = await self._failures.failed(work, repr(cause), stack)
            return [Committed("", answer, [])] if answer else []

    async def _attempt(self, batch: Sequence[Work], *, local: bool) -> Committed:
        """One batch until it is committed; contention only means another try, with everything locked up front."""
        asked: list[Need] = []
        told = self._teller.take_told()
        try:
            for _ in range(CONTENTION_TRIES_MAX):
                try:
                    return await self._transaction(batch, asked, told, local=local)
                except CONTENTION as error:
                    metrics.contention.labels(type(error).__name__).inc()
                    last = error
            raise SaveFailed from last
        except (DatabaseAway, Poisoned, SaveFailed, asyncio.CancelledError):
            self._teller.put_back(told)
            raise
        except Exception as error:
            # Whatever it is, it is about this batch: one by one will tell whose it is.
            self._teller.put_back(told)
            raise SaveFailed from error

    async def _transaction(self, batch: Sequence[Work], asked: list[Need], told: set[str], *, local: bool) -> Committed:
        begun_ns = time.time_ns()
        world = World(datetime.now(UTC))
        name = ids.new("bat")
        async with self._database.transaction() as connection:
            known = await inbox.known(connection, batch)
            again = await _untold_of(connection, known)
            if asked:
                await load(connection, world, asked)
            decided = await self._decide(connection, world, name, batch, known, asked, local=local)
            bundles = decided.outgoing.bundles()
            if bundles:
                world.insert(untold(name, bundles, world.now))
            for batch_name in told:
                world.remove(Untold, batch_name)
            await save(connection, world)
        tracing.saved([work.span for work in batch if work.span], begun_ns, name, len(batch))
        _observe(world, decided)
        return Committed(name, decided.outgoing, bundles, again)

    async def _decide(
        self,
        connection: Connection,
        world: World,
        name: str,
        batch: Sequence[Work],
        known: Known,
        asked: list[Need],
        *,
        local: bool,
    ) -> Deciding:
        deciding = Deciding(world, self._roster, self._orchestrator, name, local=local)
        for work in batch:
            work.repeats.clear()
        for work in (work for work in batch if known.has(work) and work.is_root):
            _answer_known(deciding.outgoing, work, known)
        pending = _first_of_each([work for work in batch if not known.has(work)])
        while pending:
            needs = [need for work in pending for need in (*work.needs(), *self._orchestrator.needs_operation(work))]
            asked += needs
            await load(connection, world, needs)
            pending = deciding.round(pending)
        self._orchestrator.arm(world)
        return deciding


def _observe(world: World, decided: Deciding) -> None:
    """Count what was committed, not what was tried."""
    for (kind, outcome), count in decided.counts.items():
        metrics.handled.labels(kind, outcome).inc(count)
    for touched in (world.inserted.get(SagaRow, {}), world.updated.get(SagaRow, {})):
        for row in touched.values():
            if row.phase not in OPEN:
                seconds = (world.now - row.created_at).total_seconds()
                metrics.saga_seconds.labels(row.type, row.phase).observe(seconds)


def _first_of_each(batch: Sequence[Work]) -> list[Work]:
    """Each message once; the other copies' reply addresses are kept with the first."""
    first: dict[tuple[str, str], Work] = {}
    for work in batch:
        key = (work.envelope.id, work.domain)
        if key in first:
            first[key].repeats.append(work.envelope)
        else:
            first[key] = work
    return list(first.values())


def _answer_known(outgoing: Outgoing, work: Work, known: Known) -> None:
    """Answer a repeated command from its operation; the fingerprint tells a repeat from a misused key."""
    operation = known.operations[work.envelope.id]
    if operation.fingerprint != work.envelope.fingerprint:
        told = misused(operation.request_id)
    else:
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


async def _untold_of(connection: Connection, known: Known) -> dict[str, list[Bundle]]:
    """The bundles of the batches that handled these messages before, if they may not have been told."""
    if not known.batches:
        return {}
    rows = await connection.fetch(
        "SELECT id, bundles FROM runtime.untold WHERE id = ANY($1::text[])", list(known.batches)
    )
    return {row["id"]: bundles_of(row["bundles"]) for row in rows}
