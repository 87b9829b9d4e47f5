"""Slow preparation: provider calls and password hashing, before and outside the transaction, bounded."""

import asyncio
import traceback
from collections.abc import Callable

import structlog

from contracts.bus import NotSent, Unconfirmed
from contracts.message import Refusal
from workers.runtime import suspicion
from workers.runtime.arrivals import Arrival, give_back
from workers.runtime.database import Database, DatabaseAway
from workers.runtime.delivery import Delivery
from workers.runtime.failures import Failures
from workers.runtime.handlers import Preparation
from workers.runtime.resources import Resources
from workers.runtime.work import Work

log = structlog.get_logger()


class Preparer:
    """Prepares bundles side by side, at most `most` commands and as many calls at once; not what was handled before."""

    def __init__(
        self, delivery: Delivery, failures: Failures, database: Database, resources: Resources, *, most: int
    ) -> None:
        self._delivery = delivery
        self._failures = failures
        self._database = database
        self._resources = resources
        self._slots = asyncio.Semaphore(most)
        self._slots_of_calls = asyncio.Semaphore(most)
        self._tasks: set[asyncio.Task[None]] = set()

    async def prepare(self, arrival: Arrival, then: Callable[[Arrival], None], away: Callable[[], None]) -> None:
        """Prepare a bundle in the background and hand it on with what is left to handle.

        If the database is `away` that is said instead: the bundle is delivered again, to us or to others.
        """
        task = asyncio.create_task(self._bundle(arrival, then, away))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait for what is being prepared."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _bundle(self, arrival: Arrival, then: Callable[[Arrival], None], away: Callable[[], None]) -> None:
        try:
            known = await self._known(arrival.works)
            if arrival.suspicious:
                ready = [await self._suspect(work, skip=work in known) for work in arrival.works]
            else:
                ready = await asyncio.gather(*(self._one(work, skip=work in known) for work in arrival.works))
        except DatabaseAway as error:
            log.warning("database_away", reason=repr(error.__cause__))
            away()
        except (NotSent, Unconfirmed):
            log.warning("broker_away")
            await give_back(arrival.message)
        except Exception:
            log.exception("bundle_not_prepared")
            await give_back(arrival.message)
        else:
            arrival.works = [work for work in ready if work is not None]
            then(arrival)

    async def _known(self, works: list[Work]) -> set[Work]:
        durable = [work for work in works if not work.is_call]
        if not durable:
            return set()
        unclaimed = await self._delivery.unclaimed(durable)
        return set(durable) - set(unclaimed)

    async def _suspect(self, work: Work, *, skip: bool) -> Work | None:
        """The same for one of a bundle that may have killed its worker."""
        if skip or work.is_call:
            return await self._one(work, skip=skip)
        async with suspicion.tried(self._database, self._failures, work) as allowed:
            return await self._one(work, skip=False) if allowed else None

    async def _one(self, work: Work, *, skip: bool) -> Work | None:
        """The work with what was prepared for it; None when that failed and it waits for its next attempt."""
        if skip or work.handler.prepare is None:
            return work
        # Nobody waits to log in because a provider or a mail server is slow.
        async with self._slots_of_calls if work.is_call else self._slots:
            try:
                work.prepared = await work.handler.prepare(work.message, self._preparation(work))
            except Refusal as refusal:
                work.refusal = refusal
            except Exception as error:  # noqa: BLE001 - whatever it is, the message is retried and finally buried
                await self._failed(work, error)
                return None
        return work

    def _preparation(self, work: Work) -> Preparation:
        return Preparation(work.envelope.id, self._resources, work.envelope.caller)

    async def _failed(self, work: Work, error: Exception) -> None:
        if not work.is_call and not await self._database.answers():
            # It may have failed for want of the database; that is nobody's fault.
            raise DatabaseAway from error
        stack = "".join(traceback.format_exception(error))
        answer = await self._failures.failed(work, repr(error), stack)
        if answer is not None:
            await self._delivery.answer(answer)
