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

DUE = """
SELECT id, queue, message FROM runtime.timers WHERE due_at <= now()
ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
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
PHASES = ("running", "undoing", "failing", "stuck")


async def every(seconds: float, what: Callable[[], Awaitable[Any]]) -> None:
    """Do `what` for ever; outages and locks are waited out, and what was busy asks again at once."""
    while True:
        try:
            busy = await what()
        except (DatabaseAway, *CONTENTION, NotSent, Unconfirmed) as error:
            log.warning("upkeep_waits", task=getattr(what, "__name__", "?"), reason=type(error).__name__)
            busy = False
        except Exception:
            log.exception("upkeep_failed", task=getattr(what, "__name__", "?"))
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
        """Publish the timers that are due, confirmed, then remove them; True if there may be more."""
        async with self._database.transaction() as connection:
            due = await connection.fetch(DUE, TIMERS_MAX)
            fired: list[str] = []
            for queue in dict.fromkeys(row["queue"] for row in due):
                timers = [row for row in due if row["queue"] == queue]
                if await self._fire(queue, [row["message"].encode() for row in timers]):
                    fired += [row["id"] for row in timers]
            await connection.execute("DELETE FROM runtime.timers WHERE id = ANY($1::text[])", fired)
        return len(fired) == TIMERS_MAX

    async def _fire(self, queue: str, messages: list[bytes]) -> bool:
        """Whether the queue has taken them; one that is gone holds up no other. Raises `Unconfirmed`."""
        try:
            for body in pack(messages):
                await self._bus.publish(topology.COMMANDS, queue, body)
        except NotSent:
            log.warning("timers_not_fired", queue=queue, timers=len(messages))
            return False
        return True

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
        """Open sagas by phase and age, and unresolved dead letters."""
        async with self._database.transaction() as connection:
            sagas = {row[0]: (row[1], row[2]) for row in await connection.fetch(OPEN_SAGAS)}
            dead = await connection.fetchval("SELECT count(*) FROM runtime.dead_letters WHERE resolution IS NULL")
        for phase in PHASES:
            count, age = sagas.get(phase, (0, 0.0))
            metrics.sagas_open.labels(phase).set(count)
            metrics.oldest_saga_seconds.labels(phase).set(age)
        metrics.dead_letters.set(dead)
