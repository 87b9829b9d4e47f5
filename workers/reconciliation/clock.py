"""The daily timer of reconciliation, and its gauge."""

from datetime import UTC, date, datetime, timedelta

from contracts import topology
from contracts.envelope import Caller, Envelope, encode
from contracts.reconciliation import ReconcileDay
from workers.reconciliation.statements import SOURCES
from workers.runtime.database import Database
from workers.runtime.telemetry import metrics

EVERY_SECONDS = 60.0
BEGINS_HOUR = 2
"""UTC: providers close their day first."""

DAYS = 3
"""Each day is compared on this many mornings: what comes late clears up by itself."""

KEPT_DAYS = 30
"""How long it is kept which days a morning had."""

DOMAIN = "reconciliation"

# Any worker may do it for all, and whatever becomes of the message: a morning has each day once.
SCHEDULE = """
WITH scheduled AS (
    INSERT INTO reconciliation.mornings (morning, provider, day) VALUES ($4, $5, $6)
    ON CONFLICT DO NOTHING RETURNING morning
)
INSERT INTO runtime.timers (id, due_at, queue, message) SELECT $1, now(), $2, $3 FROM scheduled
ON CONFLICT (id) DO NOTHING
"""
OLD_MORNINGS = "DELETE FROM reconciliation.mornings WHERE morning < $1"
OPEN = "SELECT kind, count(*) FROM reconciliation.items WHERE status = 'open' GROUP BY kind"
KINDS = ("missing_here", "missing_there", "different")


async def tick(database: Database) -> None:
    """Whatever is due, and the gauge."""
    await schedule(database, datetime.now(UTC))
    await measure(database)


async def schedule(database: Database, now: datetime) -> None:
    """See to it that the last days are compared once this morning."""
    if now.hour < BEGINS_HOUR:
        return
    today = now.date()
    queue = topology.slow(DOMAIN)
    async with database.transaction() as connection:
        for provider in SOURCES:
            for day in (today - timedelta(days=n) for n in range(1, DAYS + 1)):
                envelope = _wanted(provider, day, today)
                message = encode(envelope).decode()
                await connection.execute(SCHEDULE, envelope.id, queue, message, today, provider, day)
        await connection.execute(OLD_MORNINGS, today - timedelta(days=KEPT_DAYS))


async def measure(database: Database) -> None:
    """Export how many exceptions need a person."""
    async with database.transaction() as connection:
        found = {row[0]: row[1] for row in await connection.fetch(OPEN)}
    for kind in KINDS:
        metrics.reconciliation_exceptions.labels(kind).set(found.get(kind, 0))


def _wanted(provider: str, day: date, today: date) -> Envelope:
    name = f"reconcile:{provider}:{day}:{today}"
    return Envelope(name, ReconcileDay.wire_name, ReconcileDay(date=day, provider=provider), caller=Caller("sys_clock"))
