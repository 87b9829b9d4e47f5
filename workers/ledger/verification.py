"""Proof that no cent is lost: each invariant of the ledger is a set-based query for its violations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from contracts.ledger import VerificationRunning
from workers.ledger.checks import CHECKS, COUNTS, INVARIANTS, TOTALS
from workers.runtime.database import Database
from workers.runtime.telemetry import metrics

LOCK = 0x5A1D0
"""PostgreSQL's advisory lock of whoever reads the whole ledger."""

KEEP = """
INSERT INTO ledger.measurements (id, found, measured_at) VALUES ('newest', $1::text::jsonb, now())
ON CONFLICT (id) DO UPDATE SET found = excluded.found, measured_at = excluded.measured_at
"""

FINDINGS_PER_CHECK = 100
"""How many violations of one kind are named; `violations` counts them all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation of `check`, by the account, movement, hold or currency `subject`."""

    check: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Total:
    """One currency's money in minor units. `wallets + system = 0`, and `held` is part of `wallets`."""

    currency: str
    wallets: int
    held: int
    system: int
    suspense: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification saw: `findings` is empty when the ledger is sound."""

    findings: list[Finding]
    violations: dict[str, int]
    counts: dict[str, int]
    totals: list[Total] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether no invariant is broken."""
        return not self.violations

    def sentences(self) -> list[str]:
        """Every finding, and how many more of each kind there are."""
        named = [str(finding) for finding in self.findings]
        more = {check: count - FINDINGS_PER_CHECK for check, count in self.violations.items()}
        return named + [f"{check}: {count} more" for check, count in more.items() if count > 0]


async def examine(connection: AsyncConnection) -> Report:
    """Check everything in one snapshot, while traffic goes on. `connection` must not be in a transaction."""
    async with connection.begin():
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        # It reads whole tables: some twenty seconds for each million movements.
        await connection.execute(text("SET LOCAL statement_timeout = 0"))
        await connection.execute(text("SET LOCAL work_mem = '64MB'"))
        findings, violations = [], {}
        for check, query in CHECKS.items():
            found = (await connection.execute(text(_bounded(query)))).all()
            if found:
                violations[check] = found[0].violations
                findings += [Finding(check, row.subject, row.detail) for row in found]
        counts = (await connection.execute(text(COUNTS))).one()
        totals = (await connection.execute(text(TOTALS))).all()
        return Report(findings, violations, dict(counts._mapping), [Total(*row) for row in totals])


async def examine_alone(database_url: str) -> tuple[Report, datetime, datetime]:
    """A whole report, and when it began and ended. Raises `VerificationRunning`."""
    async with _connected(database_url) as connection:
        mine = (await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK})).scalar_one()
        await connection.commit()
        if not mine:
            raise VerificationRunning
        started_at = datetime.now(UTC)
        return await examine(connection), started_at, datetime.now(UTC)


async def verify(database_url: str) -> list[str]:
    """What is wrong with the ledger of this database, a sentence each: nothing, we hope."""
    return (await report(database_url)).sentences()


async def report(database_url: str) -> Report:
    """A whole report about the ledger of this database."""
    async with _connected(database_url) as connection:
        return await examine(connection)


async def invariants(connection: AsyncConnection) -> dict[str, dict[str, int]]:
    """The cheap part, for metrics: invariant → currency → what must be zero.

    It reads all accounts and open holds, but the last movement of our own accounts and a thousand wallets only, others
    each time.
    """
    rows = (await connection.execute(text(INVARIANTS))).all()
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.invariant, {})[row.currency] = int(row.value)
    return found


async def measure(database: Database) -> None:
    """Export the invariants as metrics, and keep them for operators to read."""
    async with database.reading() as reading:
        found = await invariants(reading)
    for invariant, values in found.items():
        for currency, value in values.items():
            metrics.invariant.labels(invariant, currency).set(value)
    metrics.invariants_measured.set_to_current_time()
    async with database.transaction() as connection:
        await connection.execute(KEEP, to_json(found).decode())


@asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[AsyncConnection]:
    """A connection of its own: the pools bound how long a statement may take."""
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": {"jit": "off"}})
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def _bounded(query: str) -> str:
    counted = f"SELECT *, count(*) OVER () AS violations FROM ({query}) AS v"
    return f"{counted} ORDER BY subject LIMIT {FINDINGS_PER_CHECK}"
