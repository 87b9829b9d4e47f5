"""The provider's books: payments, the keys that asked for them, what is due, and the statement, in one SQLite file."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uuid_utils

from sandbox import schema, scripts
from sandbox.payments import ChargeRequest, Kind, Payment, Status
from sandbox.schema import StoreUnusableError
from sandbox.scripts import Script

COLUMNS = "id, status, reference, method, amount, currency, decline_code, created_at, version, beneficiary"
FIELDS = tuple(COLUMNS.split(", "))
CALLBACK_COPIES = {"thrice": 3}

__all__ = ["KeyReusedError", "Outcome", "Page", "Patience", "Store", "StoreUnusableError", "StrangeStateError"]


class KeyReusedError(Exception):
    """The same idempotency key came with another body."""


class StrangeStateError(Exception):
    """A payment can't go from its state to the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what comes later takes, in seconds of the sandbox's own clock."""

    delay_seconds: float = 5
    reversal_seconds: float = 172_800


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a key leads to; no payment means that the script wants a failure this time."""

    payment: Payment | None
    script: Script
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Payments, newest first, and whether older ones are left."""

    payments: list[Payment]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A callback that is due."""

    id: str
    body: bytes
    attempts: int


class Store:
    """All access goes through one thread with one connection, so that statements never interleave."""

    def __init__(self, path: Path, patience: Patience | None = None) -> None:
        """Open or create the file; raises `StoreUnusableError`."""
        self._connection = schema.opened(path)
        self._patience = patience or Patience()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-store")
        self.changed = asyncio.Event()
        """Set when something may be due earlier than before."""

    async def submit(self, kind: Kind, key: str, request: ChargeRequest) -> Outcome:
        """Decide once per key, however many ask at the same time; raises `KeyReusedError`."""
        outcome = await self._run(lambda: self._submit(kind, key, request))
        self.changed.set()
        return outcome

    async def find(self, payment_id: str) -> Payment | None:
        """Look one payment up."""
        return await self._run(lambda: self._find(payment_id))

    async def page(self, kind: Kind, reference: str | None, after: str | None, limit: int) -> Page:
        """List payments newest first, older than the payment `after`."""
        return await self._run(lambda: self._page(kind, reference, after, limit))

    async def statement(self, day: str, after: str | None, limit: int) -> list[dict[str, object]]:
        """The lines of a day, oldest first, one more than `limit` if there are more."""
        return await self._run(lambda: self._statement(day, after, limit + 1))

    async def change(self, payment_id: str, status: Status, decline_code: str | None = None) -> Payment | None:
        """Move a payment on by hand; raises `StrangeStateError`."""
        changed = await self._run(lambda: self._by_hand(payment_id, status, decline_code))
        self.changed.set()
        return changed

    async def plan(self, kind: Kind | None, script: str, times: int) -> None:
        """The next so many payments follow this script."""
        await self._run(lambda: self._plan(kind, script, times))

    async def advance(self, seconds: float) -> str:
        """Move the clock on; answers with its time."""
        now = await self._run(lambda: self._advance(seconds))
        self.changed.set()
        return now

    async def happen(self) -> None:
        """Let happen what is due by the sandbox's clock."""
        await self._run(self._happen)

    async def notices(self, limit: int) -> list[Notice]:
        """Callbacks that are due."""
        return await self._run(lambda: self._notices(limit))

    async def notices_of(self, payment_id: str) -> list[Notice]:
        """Callbacks about one payment, due or not."""
        return await self._run(lambda: self._notices_of(payment_id))

    async def noticed(self, notice: str) -> None:
        """A callback was taken: one copy of it less."""
        await self._run(lambda: self._noticed(notice))

    async def postpone(self, notice: str, seconds: float) -> None:
        """A callback was not taken."""
        await self._run(lambda: self._postpone(notice, seconds))

    async def waiting_seconds(self, *, telling: bool) -> float | None:
        """How long nothing is due (callbacks only if `telling`); None while nothing is awaited at all."""
        return await self._run(lambda: self._waiting(telling=telling))

    async def ping(self) -> None:
        """Raise `sqlite3.Error` when the file does not answer."""
        await self._run(lambda: self._connection.execute("SELECT count(*) FROM keys WHERE key = ''").fetchone())

    def close(self) -> None:
        """Finish what was asked for, then close the file."""
        self._thread.shutdown()
        self._connection.close()

    async def _run[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _submit(self, kind: Kind, key: str, request: ChargeRequest) -> Outcome:
        with self._transaction():
            attempts, script, payment_id = self._claim(f"{kind} {key}", kind, request)
            if payment_id is not None:
                found = self._find(payment_id)
                return Outcome(found, script, replayed=True)
            if attempts <= script.failures_first:
                return Outcome(None, script)
            payment = Payment.decide(kind, request, script, at=_text(self._now()))
            self._insert(f"{kind} {key}", payment, script)
            return Outcome(payment, script)

    def _claim(self, key: str, kind: Kind, request: ChargeRequest) -> tuple[int, Script, str | None]:
        fingerprint = request.fingerprint()
        found = self._connection.execute(
            "UPDATE keys SET attempts = attempts + 1 WHERE key = ? RETURNING fingerprint, attempts, script, payment_id",
            (key,),
        ).fetchone()
        if found is None:
            script = self._planned(kind) or scripts.choose(request.amount, request.account_number)
            self._connection.execute(
                "INSERT INTO keys (key, fingerprint, attempts, script) VALUES (?, ?, 1, ?)",
                (key, fingerprint, script.name),
            )
            return 1, script, None
        if found[0] != fingerprint:
            raise KeyReusedError
        return found[1], scripts.BY_NAME[found[2]], found[3]

    def _planned(self, kind: Kind) -> Script | None:
        row = self._connection.execute(
            "SELECT seq, script, times FROM plans WHERE kind IS NULL OR kind = ? ORDER BY seq LIMIT 1", (kind,)
        ).fetchone()
        if row is None:
            return None
        self._connection.execute("UPDATE plans SET times = times - 1 WHERE seq = ?", (row[0],))
        self._connection.execute("DELETE FROM plans WHERE times <= 0")
        return scripts.BY_NAME[row[1]]

    def _insert(self, key: str, payment: Payment, script: Script) -> None:
        self._connection.execute(
            f"INSERT INTO payments ({COLUMNS}, script) VALUES ({', '.join('?' * (len(FIELDS) + 1))})",
            [*_values(payment), script.name],
        )
        self._connection.execute("UPDATE keys SET payment_id = ? WHERE key = ?", (payment.id, key))
        if payment.status != "pending":
            self._booked(payment, script)
            return
        self._due(payment.id, "declined" if script.decline_code else "succeeded", self._patience.delay_seconds)
        if script.callbacks == "out_of_order":
            self._notify(payment, script, 2 * self._patience.delay_seconds)

    def _move(self, payment: Payment, status: Status, decline_code: str | None, script: Script) -> Payment:
        changed = payment.changed(status, decline_code)
        self._connection.execute(
            "UPDATE payments SET status = ?, decline_code = ?, version = ? WHERE id = ?",
            (changed.status, changed.decline_code, changed.version, changed.id),
        )
        self._booked(changed, script)
        return changed

    def _booked(self, payment: Payment, script: Script) -> None:
        """A payment has got to a state that is told, and stands in the statement if money moved."""
        if payment.status in ("succeeded", "reversed"):
            kind = payment.kind if payment.status == "succeeded" else f"{payment.kind}_reversal"
            now = self._now()
            self._connection.execute(
                "INSERT INTO lines (id, type, payment_id, reference, amount, currency, at, day)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (f"lin_{uuid_utils.uuid7().hex}", kind, payment.id, payment.reference, payment.amount,
                 payment.currency, _text(now), _text(now)[:10]),
            )  # fmt: skip
        if payment.status == "succeeded" and script.reverses:
            self._due(payment.id, "reversed", self._patience.reversal_seconds)
        self._notify(payment, script)

    def _notify(self, payment: Payment, script: Script, after_seconds: float = 0) -> None:
        key = f"evt_{uuid_utils.uuid7().hex}"
        data = payment.model_dump(exclude_none=True)
        body = {"id": key, "type": f"{payment.kind}.{payment.status}", "kind": payment.kind, "data": data}
        self._connection.execute(
            "INSERT INTO notices (id, payment_id, body, due_at, copies) VALUES (?, ?, ?, ?, ?)",
            (key, payment.id, json.dumps(body), time.time() + after_seconds, CALLBACK_COPIES.get(script.callbacks, 1)),
        )

    def _due(self, payment_id: str, status: Status, after_seconds: float) -> None:
        self._connection.execute(
            "INSERT INTO due (payment_id, status, at) VALUES (?, ?, ?)",
            (payment_id, status, self._now() + after_seconds),
        )

    def _happen(self) -> None:
        with self._transaction():
            rows = self._connection.execute(
                "SELECT d.seq, d.payment_id, d.status, p.script FROM due AS d JOIN payments AS p ON p.id = d.payment_id"
                " WHERE d.at <= ? ORDER BY d.at, d.seq",
                (self._now(),),
            ).fetchall()
            for seq, payment_id, status, name in rows:
                self._connection.execute("DELETE FROM due WHERE seq = ?", (seq,))
                payment, script = self._find(payment_id), scripts.BY_NAME[name]
                if payment is not None and (payment.status == "pending") == (status != "reversed"):
                    self._move(payment, status, script.decline_code, script)

    def _by_hand(self, payment_id: str, status: Status, decline_code: str | None) -> Payment | None:
        with self._transaction():
            payment = self._find(payment_id)
            if payment is None:
                return None
            wanted = {"succeeded": "pending", "declined": "pending", "reversed": "succeeded"}[status]
            if payment.status != wanted:
                raise StrangeStateError
            return self._move(payment, status, decline_code, scripts.SUCCEED)

    def _plan(self, kind: Kind | None, script: str, times: int) -> None:
        self._connection.execute("INSERT INTO plans (kind, script, times) VALUES (?, ?, ?)", (kind, script, times))

    def _advance(self, seconds: float) -> str:
        self._connection.execute("UPDATE clock SET ahead = ahead + ?", (seconds,))
        return _text(self._now())

    def _now(self) -> float:
        (ahead,) = self._connection.execute("SELECT ahead FROM clock").fetchone()
        return time.time() + float(ahead)

    def _notices(self, limit: int) -> list[Notice]:
        rows = self._connection.execute(
            "SELECT id, body, attempts FROM notices WHERE due_at <= ? ORDER BY due_at LIMIT ?", (time.time(), limit)
        ).fetchall()
        return [Notice(row[0], row[1].encode(), row[2]) for row in rows]

    def _notices_of(self, payment_id: str) -> list[Notice]:
        rows = self._connection.execute(
            "SELECT id, body, attempts FROM notices WHERE payment_id = ? ORDER BY due_at", (payment_id,)
        ).fetchall()
        return [Notice(row[0], row[1].encode(), row[2]) for row in rows]

    def _noticed(self, notice: str) -> None:
        self._connection.execute("UPDATE notices SET copies = copies - 1 WHERE id = ?", (notice,))
        self._connection.execute("DELETE FROM notices WHERE id = ? AND copies <= 0", (notice,))

    def _postpone(self, notice: str, seconds: float) -> None:
        self._connection.execute(
            "UPDATE notices SET attempts = attempts + 1, due_at = ? WHERE id = ?", (time.time() + seconds, notice)
        )

    def _waiting(self, *, telling: bool) -> float | None:
        (due,) = self._connection.execute("SELECT min(at) FROM due").fetchone()
        (notice,) = self._connection.execute("SELECT min(due_at) FROM notices").fetchone()
        waits = [due - self._now()] if due is not None else []
        waits += [notice - time.time()] if telling and notice is not None else []
        return max(min(waits), 0.0) if waits else None

    def _find(self, payment_id: str) -> Payment | None:
        row = self._connection.execute(f"SELECT {COLUMNS} FROM payments WHERE id = ?", (payment_id,)).fetchone()
        return _payment_of(row) if row else None

    def _page(self, kind: Kind, reference: str | None, after: str | None, limit: int) -> Page:
        rows = self._connection.execute(
            f"SELECT {COLUMNS} FROM payments"
            " WHERE substr(id, 1, 3) = :prefix AND (:reference IS NULL OR reference = :reference)"
            " AND (:after IS NULL OR seq < (SELECT seq FROM payments WHERE id = :after))"
            " ORDER BY seq DESC LIMIT :rows",
            {
                "prefix": "pyt" if kind == "payout" else "chg",
                "reference": reference,
                "after": after,
                "rows": limit + 1,
            },
        ).fetchall()
        return Page([_payment_of(row) for row in rows[:limit]], has_more=len(rows) > limit)

    def _statement(self, day: str, after: str | None, rows: int) -> list[dict[str, object]]:
        names = ("id", "type", "payment_id", "reference", "amount", "currency", "at")
        found = self._connection.execute(
            f"SELECT {', '.join(names)} FROM lines WHERE day = :day"
            " AND (:after IS NULL OR seq > (SELECT seq FROM lines WHERE id = :after)) ORDER BY seq LIMIT :rows",
            {"day": day, "after": after, "rows": rows},
        ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in found]

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


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _values(payment: Payment) -> list[object]:
    beneficiary = payment.beneficiary and payment.beneficiary.model_dump_json()
    return [beneficiary if field == "beneficiary" else getattr(payment, field) for field in FIELDS]


def _payment_of(row: tuple[object, ...]) -> Payment:
    fields = dict(zip(FIELDS, row, strict=True))
    if isinstance(fields["beneficiary"], str):
        fields["beneficiary"] = json.loads(fields["beneficiary"])
    return Payment.model_validate(fields)
