"""The SQLite file: its tables, and how it is opened."""

import sqlite3
from pathlib import Path

BUSY_TIMEOUT_SECONDS = 5
VERSION = 2
TABLES = """
CREATE TABLE payments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'declined', 'reversed')),
    reference TEXT NOT NULL,
    method TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    decline_code TEXT,
    created_at TEXT NOT NULL,
    version INTEGER NOT NULL,
    beneficiary TEXT,
    script TEXT NOT NULL
) STRICT;
CREATE INDEX payments_by_reference ON payments (reference, seq);
CREATE TABLE keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    script TEXT NOT NULL,
    payment_id TEXT REFERENCES payments (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE due (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id TEXT NOT NULL REFERENCES payments (id),
    status TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES payments (id),
    body TEXT NOT NULL,
    due_at REAL NOT NULL,
    copies INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE lines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    payment_id TEXT NOT NULL REFERENCES payments (id),
    reference TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    at TEXT NOT NULL,
    day TEXT NOT NULL
) STRICT;
CREATE INDEX lines_by_day ON lines (day, seq);
CREATE TABLE plans (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT,
    script TEXT NOT NULL,
    times INTEGER NOT NULL
) STRICT;
CREATE TABLE clock (ahead REAL NOT NULL) STRICT;
INSERT INTO clock (ahead) VALUES (0);
"""


class StoreUnusableError(Exception):
    """The file can't be opened, or another version of the sandbox wrote it."""


def opened(path: Path) -> sqlite3.Connection:
    """A connection to the file, made if it is missing. Raises `StoreUnusableError`."""
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
        connection.executescript(f"BEGIN IMMEDIATE;{TABLES};PRAGMA user_version = {VERSION};COMMIT;")
    elif version != VERSION:
        raise StoreUnusableError(f"it has version {version}, this sandbox writes {VERSION}; remove it")
