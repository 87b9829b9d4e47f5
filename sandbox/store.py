"""The provider's books: charges and the keys that asked for them, in one SQLite file."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.charges import Charge, ChargeRequest
from sandbox.scripts import Script

BUSY_TIMEOUT_SECONDS = 5
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE charges (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'declined')),
    reference TEXT NOT NULL,
    method TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    decline_code TEXT,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX charges_by_reference ON charges (reference, seq);
CREATE TABLE keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    charge_id TEXT REFERENCES charges (id)
) STRICT, WITHOUT ROWID;
"""
COLUMNS = "id, status, reference, method, amount, currency, decline_code, created_at"
FIELDS = tuple(COLUMNS.split(", "))


class StoreUnusableError(Exception):
    """The file can't be opened, or another version of the sandbox wrote it."""


class KeyReusedError(Exception):
    """The same idempotency key came with another body."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a key leads to; no charge means that the script wants a failure this time."""

    charge: Charge | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Charges, newest first, and whether older ones are left."""

    charges: list[Charge]
    has_more: bool


class Store:
    """All access goes through one thread with one connection, so that statements never interleave."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises `StoreUnusableError`."""
        self._connection = _open(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-store")

    async def charge(self, key: str, request: ChargeRequest, script: Script, *, at: str) -> Outcome:
        """Decide once per key, however many ask at the same time; raises `KeyReusedError`."""
        return await self._run(lambda: self._charge(key, request, script, at))

    async def find(self, charge_id: str) -> Charge | None:
        """Look one charge up."""
        return await self._run(lambda: self._find(charge_id))

    async def page(self, reference: str | None, after: str | None, limit: int) -> Page:
        """List charges newest first, older than the charge `after`."""
        return await self._run(lambda: self._page(reference, after, limit))

    async def ping(self) -> None:
        """Raise `sqlite3.Error` when the file does not answer."""
        await self._run(lambda: self._connection.execute("SELECT count(*) FROM keys WHERE key = ''").fetchone())

    def close(self) -> None:
        """Finish what was asked for, then close the file."""
        self._thread.shutdown()
        self._connection.close()

    async def _run[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _charge(self, key: str, request: ChargeRequest, script: Script, at: str) -> Outcome:
        with self._transaction():
            attempts, charge_id = self._claim(key, request.fingerprint())
            if charge_id is not None:
                return Outcome(self._find(charge_id), replayed=True)
            if attempts <= script.failures_first:
                return Outcome(None)
            charge = Charge.decide(request, script, at=at)
            self._insert(key, charge)
            return Outcome(charge)

    def _claim(self, key: str, fingerprint: str) -> tuple[int, str | None]:
        known, attempts, charge_id = self._connection.execute(
            "INSERT INTO keys (key, fingerprint, attempts) VALUES (?, ?, 1)"
            " ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1"
            " RETURNING fingerprint, attempts, charge_id",
            (key, fingerprint),
        ).fetchone()
        if known != fingerprint:
            raise KeyReusedError
        return attempts, charge_id

    def _insert(self, key: str, charge: Charge) -> None:
        self._connection.execute(
            f"INSERT INTO charges ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [getattr(charge, field) for field in FIELDS],
        )
        self._connection.execute("UPDATE keys SET charge_id = ? WHERE key = ?", (charge.id, key))

    def _find(self, charge_id: str) -> Charge | None:
        row = self._connection.execute(
            f"SELECT {COLUMNS} FROM charges WHERE id = ?",
            (charge_id,),
        ).fetchone()
        return _charge_of(row) if row else None

    def _page(self, reference: str | None, after: str | None, limit: int) -> Page:
        rows = self._connection.execute(
            f"SELECT {COLUMNS} FROM charges"
            " WHERE (:reference IS NULL OR reference = :reference)"
            " AND (:after IS NULL OR seq < (SELECT seq FROM charges WHERE id = :after))"
            " ORDER BY seq DESC LIMIT :rows",
            {"reference": reference, "after": after, "rows": limit + 1},
        ).fetchall()
        return Page([_charge_of(row) for row in rows[:limit]], has_more=len(rows) > limit)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: another process on the same file waits here instead of failing at its first write.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _charge_of(row: tuple[object, ...]) -> Charge:
    return Charge.model_validate(dict(zip(FIELDS, row, strict=True)))


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusableError(f"cannot open {path}: {error}") from None
    try:
        _prepare(connection)
    except (sqlite3.Error, StoreUnusableError) as error:
        connection.close()
        raise StoreUnusableError(f"cannot use {path}: {error}") from None
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a bank that has answered does not forget, not even when the power goes.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE;{SCHEMA};PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
    elif version != SCHEMA_VERSION:
        raise StoreUnusableError(f"it has version {version}, this sandbox writes {SCHEMA_VERSION}; remove it")
