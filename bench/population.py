"""Ten thousand wallets with money in them, set up in bulk so that the ledger still verifies."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from contracts import ids

CURRENCY = "IDR"
OPENING_MINOR = 10**12
"""So much that no wallet runs dry: what is measured is transfers, not refusals."""

# One stripe that no worker process writes, so that the opening is no part of what is measured.
OPENING_ACCOUNT = f"sys_correction_{CURRENCY.lower()}_63"

ACCOUNTS = """
    INSERT INTO ledger.accounts (id, owner, role, currency, status, posted, held, sequence, created_at)
    SELECT d.id, d.owner, 'customer', $3::text, 'active', $4::bigint, 0, 1, now()
    FROM unnest($1::text[], $2::text[]) AS d(id, owner)
"""
OPENING = """
    INSERT INTO ledger.accounts (id, owner, role, currency, status, posted, held, sequence, created_at)
    VALUES ($1, 'system', 'correction', $2, 'active', -$3::bigint * $4::bigint, 0, $4, now())
"""
# One balanced movement each, numbered along the system's account as any other is.
MOVEMENTS = """
    INSERT INTO ledger.movements (id, debit_account, credit_account, amount, currency, kind, operation_id,
                                  debit_seq, credit_seq, debit_balance_after, credit_balance_after, created_at)
    SELECT d.id, $3, d.wallet, $4::bigint, $5, 'correction', 'op_opening', d.n, 1, -$4::bigint * d.n, $4::bigint, now()
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS d(id, wallet, n)
"""
TABLES = ("ledger.accounts", "ledger.movements", "ledger.holds", "transfers.transfers", "runtime.operations")


@dataclass(frozen=True)
class Wallet:
    """A wallet and the user who owns it."""

    id: str
    owner: str


def populate(database_url: str, owners: Sequence[str], count: int) -> list[Wallet]:
    """Open and fund `count` wallets, in turn for each of `owners`; needs the role that owns the schema."""
    wallets = [Wallet(_wallet_id(), owners[number % len(owners)]) for number in range(count)]
    asyncio.run(_insert(database_url, wallets))
    return wallets


def _wallet_id() -> str:
    return f"wal_{secrets.token_hex(16)}"


async def _insert(database_url: str, wallets: Sequence[Wallet]) -> None:
    names, owners = [wallet.id for wallet in wallets], [wallet.owner for wallet in wallets]
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(ACCOUNTS, names, owners, CURRENCY, OPENING_MINOR)
            await connection.execute(OPENING, OPENING_ACCOUNT, CURRENCY, OPENING_MINOR, len(wallets))
            movements = [ids.new("mov") for _ in wallets]
            await connection.execute(MOVEMENTS, movements, names, OPENING_ACCOUNT, OPENING_MINOR, CURRENCY)
        for table in TABLES:
            await connection.execute(f"VACUUM ANALYZE {table}")
    finally:
        await connection.close()
