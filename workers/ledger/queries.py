"""The ledger's questions: wallets and statements, for their owners and those who oversee."""

from typing import Any

from sqlalchemy import Row, Select, select, union_all

from contracts.envelope import Caller
from contracts.ledger import (
    BalanceView,
    GetLedgerVerification,
    GetWallet,
    InvariantView,
    LedgerVerificationView,
    ListMovements,
    ListReceivables,
    ListWallets,
    MovementView,
    ReceivableView,
    WalletView,
)
from contracts.message import NotFound
from contracts.pages import Page
from workers.ledger import chart
from workers.ledger.tables import accounts, measurements, movements, verifications
from workers.ledger.verifications import Verification
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.runtime.stored import mapping

queries = Queries("ledger")


@queries.query(GetWallet)
async def get_wallet(query: GetWallet, reading: Reading) -> WalletView:
    """Raises `NotFound`, also for somebody else's."""
    return _wallet(await _visible(query.wallet_id, reading))


@queries.query(GetLedgerVerification)
async def get_ledger_verification(_query: GetLedgerVerification, reading: Reading) -> LedgerVerificationView:
    """What was measured and verified last."""
    measured = await reading.row(select(measurements.c.found, measurements.c.measured_at))
    newest = await reading.row(select(verifications).order_by(verifications.c.finished_at.desc()).limit(1))
    verified = None if newest is None else mapping(Verification).load(newest).view()
    found = {} if measured is None else measured.found
    invariants = [
        InvariantView(invariant=name, currency=currency, value=value)
        for name, values in sorted(found.items())
        for currency, value in sorted(values.items())
    ]
    zero = all(one.value == 0 for one in invariants)
    return LedgerVerificationView(
        sound=None if measured is None and verified is None else zero and (verified is None or verified.sound),
        measured_at=measured and measured.measured_at,
        invariants=invariants,
        verification=verified,
    )


@queries.query(ListWallets)
async def list_wallets(query: ListWallets, reading: Reading) -> Page[WalletView]:
    """The caller's wallets, or everybody's for those who oversee."""
    wanted = _wallets_of(reading.caller)
    if query.status is not None:
        wanted = wanted.where(accounts.c.status == query.status)
    if query.currency is not None:
        wanted = wanted.where(accounts.c.currency == query.currency)
    if query.created_from is not None:
        wanted = wanted.where(accounts.c.created_at >= query.created_from)
    if query.created_to is not None:
        wanted = wanted.where(accounts.c.created_at < query.created_to)
    return await reading.page(query, wanted, (accounts.c.created_at, accounts.c.id), _wallet)


@queries.query(ListMovements)
async def list_movements(query: ListMovements, reading: Reading) -> Page[MovementView]:
    """A statement. Raises `NotFound`, also for somebody else's wallet."""
    await _visible(query.wallet_id, reading)
    entry = _entries()
    wanted = select(entry).where(entry.c.account_id == query.wallet_id)
    if query.kind is not None:
        wanted = wanted.where(entry.c.kind == query.kind)
    if query.created_from is not None:
        wanted = wanted.where(entry.c.created_at >= query.created_from)
    if query.created_to is not None:
        wanted = wanted.where(entry.c.created_at < query.created_to)
    return await reading.page(query, wanted, (entry.c.sequence,), _movement)


@queries.query(ListReceivables)
async def list_receivables(query: ListReceivables, reading: Reading) -> Page[ReceivableView]:
    """For operators, who alone have a route to it."""
    owed = select(accounts).where(accounts.c.role == chart.RECEIVABLE, accounts.c.posted < 0)
    if query.currency is not None:
        owed = owed.where(accounts.c.currency == query.currency)
    return await reading.page(query, owed, (accounts.c.created_at, accounts.c.id), _receivable)


async def _visible(wallet_id: str, reading: Reading) -> Row[Any]:
    found = await reading.row(_wallets_of(reading.caller).where(accounts.c.id == wallet_id))
    if found is None:
        raise NotFound
    return found


def _wallets_of(caller: Caller) -> Select[Any]:
    wallets = select(accounts).where(accounts.c.role == chart.CUSTOMER)
    return wallets if caller.oversees else wallets.where(accounts.c.owner == caller.principal)


def _entries() -> Any:
    """Each movement as its two accounts see it, signed.

    The account is asked for outside: only so does PostgreSQL merge the two indexes instead of sorting all.
    """
    kept = [movements.c[name] for name in ("id", "kind", "currency", "operation_id", "created_at")]
    debits = select(
        *kept,
        (-movements.c.amount).label("amount"),
        movements.c.debit_account.label("account_id"),
        movements.c.debit_seq.label("sequence"),
        movements.c.debit_balance_after.label("balance_after"),
        movements.c.credit_account.label("other"),
    )
    credits_ = select(
        *kept,
        movements.c.amount,
        movements.c.credit_account,
        movements.c.credit_seq,
        movements.c.credit_balance_after,
        movements.c.debit_account,
    )
    return union_all(debits, credits_).subquery("entry")


def _wallet(row: Row[Any]) -> WalletView:
    balance = BalanceView(posted=row.posted, held=row.held, available=row.posted - row.held)
    return WalletView(
        id=row.id,
        currency=row.currency,
        label=row.label,
        status=row.status,
        balance=balance,
        created_at=row.created_at,
    )


def _receivable(row: Row[Any]) -> ReceivableView:
    return ReceivableView(wallet_id=row.label, currency=row.currency, amount=-row.posted, since=row.created_at)


def _movement(row: Row[Any]) -> MovementView:
    other = row.other
    return MovementView(
        id=row.id,
        kind=row.kind,
        amount=row.amount,
        currency=row.currency,
        balance_after=row.balance_after,
        counterparty=chart.role(other) if chart.is_system(other) else other,
        operation_id=row.operation_id,
        created_at=row.created_at,
    )
