"""Messages in, one transaction, messages out: everything a worker does to the world goes through `deliver`."""

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
import structlog

from contracts import ids
from workers.runtime import inbox, suspicion, tracing
from workers.runtime.database import CONTENTION, Connection, Database, DatabaseAway
from workers.runtime.deciding import Deciding, Poisoned
from workers.runtime.failures import Failures
from workers.runtime.inbox import Inbox, Known
from workers.runtime.loading import load
from workers.runtime.needs import Need
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Bundle, Outgoing, Teller, bundles_of, untold
from workers.runtime.pipeline import Pipeline, parts_of
from workers.runtime.repeats import answer_repeat, first_of_each
from workers.runtime.reveals import Reveals
from workers.runtime.roster import Roster
from workers.runtime.saga import OPEN, Phase
from workers.runtime.tables import Operation, SagaRow, Untold
from workers.runtime.telemetry import metrics
from workers.runtime.unit_of_work import Changes, World
from workers.runtime.work import Work

log = structlog.get_logger()

CONTENTION_TRIES_MAX = 10
CONTENTION_TRIES_ALONE_MAX = 3
LOCK_TRIES_MAX = 3
LOCK_TRIES_ALONE_MAX = 1
"""Who waits for a lock that somebody keeps holds up everybody else: it has its turn later."""


class SaveFailed(Exception):
    """What a batch needs or decided can't be loaded, encoded or saved; it doesn't say whose fault that is."""


class Contended(Exception):
    """Somebody else holds what a batch needs, and does not let go."""


@dataclass(slots=True)
class Committed:
    """What is left to say after a commit. `again` are bundles of earlier batches that were perhaps never told."""

    batch: str
    outgoing: Outgoing
    answers: list[tuple[str, bytes]]
    bundles: list[Bundle] = field(default_factory=list)
    again: dict[str, list[Bundle]] = field(default_factory=dict)


class Delivery:
    """The delivery loop's body. One `deliver` at a time per instance."""

    def __init__(
        self,
        database: Database,
        roster: Roster,
        orchestrator: Orchestrator,
        teller: Teller,
        failures: Failures,
        reveals: Reveals,
    ) -> None:
        self._database = database
        self._roster = roster
        self._orchestrator = orchestrator
        self._teller = teller
        self._failures = failures
        self._reveals = reveals
        self._inbox = Inbox()

    async def deliver(self, batch: Sequence[Work]) -> list[Committed]:
        """Handle a batch to the end: committed, or republished for a later attempt, or dead-lettered.

        Returns what is to be told. Raises `DatabaseAway`, `NotSent` or `Unconfirmed`: then nothing may be acknowledged.
        """
        rest, culprits = list(batch), list[Work]()
        done: list[Committed] = []
        while rest:
            try:
                done.append(await self._attempt(rest, local=True))
                break
            except Poisoned as poisoned:
                culprits.append(poisoned.work)
                rest = [work for work in rest if work is not poisoned.work]
            except (SaveFailed, Contended):
                culprits += rest
                break
        for work in culprits:
            done += await self._alone(work)
        return done

    async def deliver_suspects(self, batch: Sequence[Work]) -> list[Committed]:
        """The same message by message, for a bundle that may have killed its worker. Raises the same."""
        unclaimed = await self.unclaimed(batch)
        done: list[Committed] = []
        for work in batch:
            if work not in unclaimed or work.is_call:
                done += await self._alone(work)
                continue
            async with suspicion.tried(self._database, self._failures, work) as allowed:
                if allowed:
                    done += await self._alone(work)
        return done

    async def tell(self, committed: Committed) -> None:
        """Say what a batch decided."""
        await self._teller.tell(committed.batch, committed.bundles, committed.answers)
        for batch, bundles in committed.again.items():
            await self._teller.tell(batch, bundles)

    async def answer(self, outgoing: Outgoing) -> None:
        """Send answers that no batch decided."""
        await self._teller.reply(outgoing.answers())

    async def unclaimed(self, works: Sequence[Work]) -> list[Work]:
        """Those of `works` that have not been handled yet. Raises `DatabaseAway`."""
        async with self._database.aside() as connection:
            known = await inbox.known(connection, works)
        return [work for work in works if not known.has(work)]

    async def _alone(self, work: Work) -> list[Committed]:
        try:
            return [await self._attempt([work], local=False)]
        except Contended:
            answer = await self._failures.contended(work)
        except (Poisoned, SaveFailed) as failure:
            cause = failure.__cause__ or failure
            stack = "".join(traceback.format_exception(cause))
            answer = await self._failures.failed(work, repr(cause), stack)
        return [Committed("", answer, answer.answers())] if answer else []

    async def _attempt(self, batch: Sequence[Work], *, local: bool) -> Committed:
        told = self._teller.take_told()
        try:
            return await self._until_committed(batch, told, local=local)
        except BaseException:
            self._teller.put_back(told)
            raise

    async def _until_committed(self, batch: Sequence[Work], told: set[str], *, local: bool) -> Committed:
        """One batch; contention only means another try, with everything locked up front."""
        asked: list[Need] = []
        last: Exception = Contended()
        locks = LOCK_TRIES_MAX if local else LOCK_TRIES_ALONE_MAX
        for _ in range(CONTENTION_TRIES_MAX if local else CONTENTION_TRIES_ALONE_MAX):
            try:
                return await self._transaction(batch, asked, told, local=local)
            except CONTENTION as error:
                last = error
                metrics.contention.labels(type(error).__name__).inc()
                if isinstance(error, asyncpg.UniqueViolationError):
                    self._inbox.repeated()
                locks -= isinstance(error, asyncpg.LockNotAvailableError)
                if not locks:
                    break
            except DatabaseAway as away:
                # A statement that takes too long while the database answers others is the fault of what is in it.
                if isinstance(away.__cause__, TimeoutError) and await self._database.answers():
                    raise SaveFailed from away.__cause__
                raise
            except Poisoned:
                raise
            except Exception as error:
                raise SaveFailed from error
        # A key that is taken stays taken; a lock is let go one day.
        raise (SaveFailed if isinstance(last, asyncpg.UniqueViolationError) else Contended) from last

    async def _transaction(self, batch: Sequence[Work], asked: list[Need], told: set[str], *, local: bool) -> Committed:
        begun_ns = time.time_ns()
        world, outgoing = World(datetime.now(UTC)), Outgoing(ids.new("bat"))
        async with (
            self._database.opening() as (connection, begun),
            Pipeline(connection, begun, world, asked) as pipeline,
        ):
            known, again = Known(), dict[str, list[Bundle]]()
            if not local or self._inbox.suspects(batch):
                await begun
                known = await inbox.known(connection, batch)
                again = await _untold_of(connection, known.batches - told)
            if asked:
                await begun
                await load(connection, world, asked)
            first, copies = first_of_each([work for work in batch if not known.has(work)])
            parts = [self._deciding(world, outgoing, part, local=local) for part in parts_of(first)]
            await pipeline.decide(parts)
            _answer_repeats(outgoing, world, known, copies, batch)
            # All is encoded before the commit: what can't be said must not have happened.
            bundles = outgoing.bundles()
            if bundles:
                world.insert(untold(outgoing.batch, bundles, world.now))
            for batch_name in told:
                world.remove(Untold, batch_name)
            await pipeline.begin_to_save(world.take_all())
            answers = outgoing.answers()
            await pipeline.settle()
        tracing.saved([work.span for work in batch if work.span], begun_ns, outgoing.batch, len(batch))
        _observe(world.now, parts, pipeline.saved)
        return Committed(outgoing.batch, outgoing, answers, bundles, again)

    def _deciding(self, world: World, outgoing: Outgoing, part: list[Work], *, local: bool) -> Deciding:
        return Deciding(world, self._roster, self._orchestrator, self._reveals, outgoing, part, local=local)


def _answer_repeats(outgoing: Outgoing, world: World, known: Known, copies: list[Work], batch: Sequence[Work]) -> None:
    for repeat in copies:
        answer_repeat(outgoing, repeat, world.entities[Operation][repeat.envelope.id])
    for repeat in (work for work in batch if work.is_root and known.has(work)):
        answer_repeat(outgoing, repeat, known.operations[repeat.envelope.id])


def _observe(now: datetime, parts: Sequence[Deciding], saved: Sequence[Changes]) -> None:
    """Count what was committed, not what was tried."""
    for (kind, outcome), count in (counted for part in parts for counted in part.counts.items()):
        metrics.handled.labels(kind, outcome).inc(count)
    for row in (row for changes in saved for row in changes.of(SagaRow)):
        if row.phase not in OPEN:
            metrics.saga_seconds.labels(row.type, row.phase).observe((now - row.created_at).total_seconds())
        if row.phase == Phase.STUCK:
            log.error("saga_stuck", saga=row.id, type=row.type, operation=row.operation_id)


async def _untold_of(connection: Connection, batches: set[str]) -> dict[str, list[Bundle]]:
    """The bundles of earlier batches that may not have been told."""
    if not batches:
        return {}
    rows = await connection.fetch("SELECT id, bundles FROM runtime.untold WHERE id = ANY($1::text[])", list(batches))
    return {row["id"]: bundles_of(row["bundles"]) for row in rows}
