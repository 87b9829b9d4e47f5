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
from workers.runtime.inbox import Known
from workers.runtime.loading import load
from workers.runtime.needs import Need
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Bundle, Outgoing, Teller, bundles_of, untold
from workers.runtime.repeats import answer_repeat, first_of_each
from workers.runtime.reveals import Reveals
from workers.runtime.roster import Roster
from workers.runtime.saga import OPEN
from workers.runtime.saving import save
from workers.runtime.tables import Operation, SagaRow, Untold
from workers.runtime.telemetry import metrics
from workers.runtime.unit_of_work import World
from workers.runtime.work import Work

log = structlog.get_logger()

CONTENTION_TRIES_MAX = 10
CONTENTION_TRIES_ALONE_MAX = 3


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
            deaths = await suspicion.begin(self._database, work)
            if deaths >= suspicion.DEATHS_MAX:
                reason = f"the worker died {deaths} times with this message alone"
                await self._failures.bury(work.queue, work.envelope, reason)
                continue
            try:
                done += await self._alone(work)
            finally:
                await suspicion.end(self._database, work, deaths)
        return done

    async def tell(self, committed: Committed) -> None:
        """Say what a batch decided: answers first, then bundles with confirms."""
        await self._teller.reply(committed.answers)
        if committed.bundles:
            await self._teller.tell(committed.batch, committed.bundles)
        for batch, bundles in committed.again.items():
            await self._teller.tell(batch, bundles)

    async def answer(self, outgoing: Outgoing) -> None:
        """Send answers that no batch decided."""
        await self._teller.reply(outgoing.answers())

    async def unclaimed(self, works: Sequence[Work]) -> list[Work]:
        """Those of `works` that have not been handled yet. Raises `DatabaseAway`."""
        async with self._database.transaction() as connection:
            known = await inbox.known(connection, works)
        return [work for work in works if not known.has(work)]

    async def _alone(self, work: Work) -> list[Committed]:
        try:
            return [await self._attempt([work], local=False, tries=CONTENTION_TRIES_ALONE_MAX)]
        except Contended:
            answer = await self._failures.contended(work)
        except (Poisoned, SaveFailed) as failure:
            cause = failure.__cause__ or failure
            stack = "".join(traceback.format_exception(cause))
            answer = await self._failures.failed(work, repr(cause), stack)
        return [Committed("", answer, answer.answers())] if answer else []

    async def _attempt(self, batch: Sequence[Work], *, local: bool, tries: int = CONTENTION_TRIES_MAX) -> Committed:
        """One batch until it is committed; contention only means another try, with everything locked up front."""
        asked: list[Need] = []
        told = self._teller.take_told()
        last: Exception = Contended()
        try:
            for _ in range(tries):
                try:
                    return await self._transaction(batch, asked, told, local=local)
                except CONTENTION as error:
                    metrics.contention.labels(type(error).__name__).inc()
                    last = error
        except (DatabaseAway, Poisoned):
            self._teller.put_back(told)
            raise
        except Exception as error:
            self._teller.put_back(told)
            raise SaveFailed from error
        except BaseException:
            self._teller.put_back(told)
            raise
        self._teller.put_back(told)
        # A key that is taken stays taken; a lock is let go one day.
        raise (SaveFailed if isinstance(last, asyncpg.UniqueViolationError) else Contended) from last

    async def _transaction(self, batch: Sequence[Work], asked: list[Need], told: set[str], *, local: bool) -> Committed:
        begun_ns = time.time_ns()
        world = World(datetime.now(UTC))
        name = ids.new("bat")
        async with self._database.transaction() as connection:
            known = await inbox.known(connection, batch)
            again = await _untold_of(connection, known.batches - told)
            if asked:
                await load(connection, world, asked)
            deciding = Deciding(world, self._roster, self._orchestrator, self._reveals, name, local=local)
            await self._decide(connection, world, deciding, batch, known, asked)
            # Encoded before the commit: what can't be said must not have happened.
            bundles, answers = deciding.outgoing.bundles(), deciding.outgoing.answers()
            if bundles:
                world.insert(untold(name, bundles, world.now))
            for batch_name in told:
                world.remove(Untold, batch_name)
            await save(connection, world)
        tracing.saved([work.span for work in batch if work.span], begun_ns, name, len(batch))
        _observe(world, deciding)
        return Committed(name, deciding.outgoing, answers, bundles, again)

    async def _decide(
        self,
        connection: Connection,
        world: World,
        deciding: Deciding,
        batch: Sequence[Work],
        known: Known,
        asked: list[Need],
    ) -> None:
        first, copies = first_of_each([work for work in batch if not known.has(work)])
        pending = first
        while pending:
            needs = [need for work in pending for need in self._needs(work)]
            asked += needs
            await load(connection, world, needs)
            pending = deciding.round(pending)
        self._orchestrator.arm(world)
        for repeat in copies:
            answer_repeat(deciding.outgoing, repeat, world.inserted[Operation][repeat.envelope.id])
        for repeat in (work for work in batch if work.is_root and known.has(work)):
            answer_repeat(deciding.outgoing, repeat, known.operations[repeat.envelope.id])

    def _needs(self, work: Work) -> list[Need]:
        try:
            return [*work.needs(), *self._orchestrator.needs_operation(work)]
        except Exception as error:
            raise Poisoned(work.root or work) from error


def _observe(world: World, decided: Deciding) -> None:
    """Count what was committed, not what was tried."""
    for (kind, outcome), count in decided.counts.items():
        metrics.handled.labels(kind, outcome).inc(count)
    for touched in (world.inserted.get(SagaRow, {}), world.updated.get(SagaRow, {})):
        for row in touched.values():
            if row.phase not in OPEN:
                seconds = (world.now - row.created_at).total_seconds()
                metrics.saga_seconds.labels(row.type, row.phase).observe(seconds)


async def _untold_of(connection: Connection, batches: set[str]) -> dict[str, list[Bundle]]:
    """The bundles of earlier batches that may not have been told."""
    if not batches:
        return {}
    rows = await connection.fetch("SELECT id, bundles FROM runtime.untold WHERE id = ANY($1::text[])", list(batches))
    return {row["id"]: bundles_of(row["bundles"]) for row in rows}
