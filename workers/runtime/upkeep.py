"""What runs beside the delivery loop: due timers, untold bundles, old claims, gauges."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog

from contracts import topology
from contracts.bus import Bus, NotSent, Unconfirmed
from contracts.envelope import pack
from workers.runtime.database import CONTENTION, Database, DatabaseAway
from workers.runtime.outbox import Teller, bundles_of
from workers.runtime.telemetry import metrics

log = structlog.get_logger()

TIMERS_MAX = 256
UNTOLD_MAX = 16
CLAIMS_MAX = 10_000
REVEALS_MAX = 1_000

DUE_QUEUES = "SELECT DISTINCT queue FROM runtime.timers WHERE due_at <= now() ORDER BY queue"
DUE = """
SELECT id, message FROM runtime.timers WHERE due_at <= now() AND queue = $1
ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
OLD_UNTOLD = """
SELECT id, bundles FROM runtime.untold WHERE created_at < now() - $1::interval AND id > $2
ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
OLD_CLAIMS = """
DELETE FROM runtime.inbox WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM runtime.inbox WHERE claimed_at < now() - $1::interval ORDER BY claimed_at LIMIT $2))
"""
OLD_REVEALS = """
DELETE FROM runtime.reveals WHERE id = ANY (ARRAY(
    SELECT id FROM runtime.reveals WHERE expires_at <= now() ORDER BY expires_at LIMIT $1))
"""
OPEN_SAGAS = """
SELECT phase, count(*), extract(epoch FROM now() - min(created_at))::float8 FROM runtime.sagas
WHERE phase NOT IN ('completed', 'failed') GROUP BY phase
"""
WAITING = """
SELECT count(*), coalesce(extract(epoch FROM now() - min({since})), 0)::float8
FROM runtime.{table} WHERE {since} <= now()
"""
UNTOLD = WAITING.format(table="untold", since="created_at")
OVERDUE = WAITING.format(table="timers", since="due_at")
PHASES = ("running", "undoing", "failing", "stuck")


async def every(seconds: float, name: str, what: Callable[[], Awaitable[Any]]) -> None:
    """Do `what` for ever; outages and locks are waited out, and what was busy asks again at once."""
    waits_for: type[Exception] | None = None
    while True:
        try:
            busy = await what()
            waits_for = None
        except (DatabaseAway, *CONTENTION, NotSent, Unconfirmed) as error:
            # Once is enough: an outage has as many rounds as it has seconds.
            if type(error) is not waits_for:
                log.warning("upkeep_waits", task=name, reason=type(error).__name__)
            busy, waits_for = False, type(error)
        except Exception:
            log.exception("upkeep_failed", task=name)
            busy = False
        if not busy:
            await asyncio.sleep(seconds)


class Upkeep:
    """The tasks of one worker process. Any worker may do any of them for all."""

    def __init__(self, database: Database, bus: Bus, teller: Teller) -> None:
        self._database = database
        self._bus = bus
        self._teller = teller
        self._swept = ""

    async def fire_timers(self) -> bool:
        """Publish the timers that are due, confirmed, then remove them; True if there may be more.

        Queue by queue, each in a transaction of its own: one that doesn't take them holds up no other.
        """
        async with self._database.transaction() as connection:
            queues = [row["queue"] for row in await connection.fetch(DUE_QUEUES)]
        more, deaf = False, list[str]()
        for queue in queues:
            try:
                more |= await self._fire(queue)
            except (NotSent, Unconfirmed):
                deaf.append(queue)
        if deaf:
            log.warning("timers_not_fired", queues=deaf)
        return more

    async def _fire(self, queue: str) -> bool:
        """The timers of one queue. Raises `NotSent`, `Unconfirmed`."""
        async with self._database.transaction() as connection:
            due = await connection.fetch(DUE, queue, TIMERS_MAX)
            for body in pack([row["message"].encode() for row in due]):
                await self._bus.publish(topology.COMMANDS, queue, body)
            await connection.execute(
                "DELETE FROM runtime.timers WHERE id = ANY($1::text[])", [row["id"] for row in due]
            )
        return len(due) == TIMERS_MAX

    async def tell_untold(self, older_than_seconds: float) -> bool:
        """Publish what a crashed or cut-off batch left behind, and forget what has been told meanwhile.

        One after the other, and from the beginning when all have had their turn: those that nobody takes hold up no
        other. True if there are more.
        """
        told = self._teller.take_told()
        try:
            async with self._database.transaction() as connection:
                if told:
                    await connection.execute("DELETE FROM runtime.untold WHERE id = ANY($1::text[])", list(told))
                age = timedelta(seconds=older_than_seconds)
                left = await connection.fetch(OLD_UNTOLD, age, self._swept, UNTOLD_MAX)
                for row in left:
                    if await self._teller.tell(row["id"], bundles_of(row["bundles"])):
                        await connection.execute("DELETE FROM runtime.untold WHERE id = $1", row["id"])
        except BaseException:
            self._teller.put_back(told)
            raise
        more = len(left) == UNTOLD_MAX
        self._swept = left[-1]["id"] if more else ""
        return more

    async def forget_claims(self, after_days: int) -> bool:
        """Remove claims that no retry can reach any more."""
        async with self._database.transaction() as connection:
            done = await connection.execute(OLD_CLAIMS, timedelta(days=after_days), CLAIMS_MAX)
        return bool(done == f"DELETE {CLAIMS_MAX}")

    async def forget_reveals(self) -> bool:
        """Erase what has been shown long enough."""
        async with self._database.transaction() as connection:
            done = await connection.execute(OLD_REVEALS, REVEALS_MAX)
        return bool(done == f"DELETE {REVEALS_MAX}")

    async def gauges(self) -> None:
        """Open sagas by phase and age, unresolved dead letters, and what waits to be told or fired."""
        async with self._database.transaction() as connection:
            sagas = {row[0]: (row[1], row[2]) for row in await connection.fetch(OPEN_SAGAS)}
            dead = await connection.fetchval("SELECT count(*) FROM runtime.dead_letters WHERE resolution IS NULL")
            untold, overdue = await connection.fetchrow(UNTOLD), await connection.fetchrow(OVERDUE)
        for phase in PHASES:
            count, age = sagas.get(phase, (0, 0.0))
            metrics.sagas_open.labels(phase).set(count)
            metrics.oldest_saga_seconds.labels(phase).set(age)
        metrics.dead_letters.set(dead)
        metrics.untold.set(untold[0])
        metrics.oldest_untold_seconds.set(untold[1])
        metrics.overdue_timers.set(overdue[0])
        metrics.oldest_timer_seconds.set(overdue[1])
