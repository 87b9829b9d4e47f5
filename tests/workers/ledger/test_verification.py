"""Verification finds whatever is wrong, and nothing else."""

import asyncio
from typing import Any

import pytest

from contracts.ledger import Leg, PlaceHold, SettleHold
from tests.servers import Database
from tests.workers.ledger.desk import Desk, credit
from workers.ledger import chart, verification
from workers.ledger.checks import CHECKS
from workers.ledger.verification import FINDINGS_PER_CHECK, Report, Total
from workers.runtime.telemetry import metrics


@pytest.fixture
async def wallets(desk: Desk) -> dict[str, str]:
    """Two wallets with a past: credits, an open hold, a captured one, a tombstone's worth of history."""
    ann, bob = await desk.wallet("usr_ann", funds=1000), await desk.wallet("usr_bob", funds=50)
    await desk.wallet("usr_ann", "USD", funds=7)
    for key, amount in (("hld_1", 100), ("hld_2", 200), ("hld_3", 30)):
        hold = {"hold_id": key, "account_id": ann, "owner": "usr_ann", "to": bob, "amount": amount}
        await desk.do(PlaceHold.model_validate(hold | {"currency": "IDR"}))
    legs = [Leg(to=bob, amount=150, kind="payment"), Leg(to=bob, amount=10, kind="payment")]
    await desk.do(SettleHold(hold_id="hld_2", account_id=ann, legs=legs))
    await desk.do(SettleHold(hold_id="hld_3", account_id=ann, legs=legs[1:], final=False))
    return {"ann": ann, "bob": bob}


async def report(database: Database) -> Report:
    return await verification.report(database.app_url)


@pytest.mark.usefixtures("wallets")
async def test_a_sound_ledger_has_no_findings(database: Database) -> None:
    seen = await report(database)
    assert seen.sound, seen.findings
    assert seen.counts == {"accounts": 5, "movements": 6, "open_holds": 2}
    assert seen.totals == [
        Total("IDR", wallets=1050, held=120, system=-1050, suspense=0),
        Total("USD", wallets=7, held=0, system=-7, suspense=0),
    ]
    assert await verification.verify(database.app_url) == []


async def test_an_empty_ledger_is_sound(database: Database) -> None:
    assert (await report(database)).sound


# What each act of vandalism breaks, by the checks that must notice.
VANDALISM = {
    "UPDATE ledger.accounts SET posted = posted + 1 WHERE id = $1": {
        "currency_is_balanced",
        "balance_is_its_movements",
    },
    "UPDATE ledger.accounts SET sequence = sequence + 1 WHERE id = $1": {"balance_is_its_movements"},
    "DELETE FROM ledger.movements WHERE debit_account = $1 AND debit_seq = 2": {
        "balance_is_its_movements",
        "statement_is_a_chain",
    },
    "DELETE FROM ledger.movements WHERE credit_account = $1": {
        "balance_is_its_movements",
        "statement_is_a_chain",
    },
    "UPDATE ledger.movements SET amount = amount + 1 WHERE debit_account = $1 AND debit_seq = 3": {
        "balance_is_its_movements",
        "statement_is_a_chain",
    },
    "UPDATE ledger.movements SET amount = amount + 100 WHERE debit_account = $1 AND debit_seq = 2": {
        "balance_is_its_movements",
        "statement_is_a_chain",
        "hold_ends_once",
    },
    "UPDATE ledger.movements SET debit_balance_after = 0 WHERE debit_account = $1 AND debit_seq = 2": {
        "statement_is_a_chain"
    },
    "UPDATE ledger.movements SET credit_balance_after = 0 WHERE credit_account = $1": {"statement_is_a_chain"},
    "UPDATE ledger.movements SET debit_seq = 99 WHERE debit_account = $1 AND debit_seq = 2": {"statement_is_a_chain"},
    "UPDATE ledger.movements SET currency = 'USD' WHERE credit_account = $1": {"movement_has_its_accounts"},
    "DELETE FROM ledger.accounts WHERE id = $1": {
        "currency_is_balanced",
        "movement_has_its_accounts",
        "held_is_its_open_holds",
    },
    "UPDATE ledger.movements SET hold_id = 'hld_none' WHERE debit_account = $1 AND debit_seq = 4": {
        "movement_has_its_hold",
        "hold_ends_once",
    },
    "UPDATE ledger.accounts SET held = held + 1 WHERE id = $1": {"held_is_its_open_holds"},
    "UPDATE ledger.holds SET remaining = remaining - 1 WHERE account_id = $1 AND id = 'hld_1'": {
        "held_is_its_open_holds",
        "hold_ends_once",
    },
    "UPDATE ledger.holds SET status = 'released', remaining = 0 WHERE account_id = $1 AND id = 'hld_1'": {
        "held_is_its_open_holds"
    },
    "UPDATE ledger.holds SET status = 'captured' WHERE account_id = $1 AND id = 'hld_1'": {
        "held_is_its_open_holds",
        "hold_ends_once",
    },
    "DELETE FROM ledger.holds WHERE account_id = $1 AND id = 'hld_2'": {"movement_has_its_hold"},
    "UPDATE ledger.accounts SET held = 5000 WHERE id = $1": {
        "held_is_its_open_holds",
        "wallet_is_not_overdrawn",
    },
    "UPDATE ledger.accounts SET status = 'closed' WHERE id = $1": {"closed_wallet_is_empty"},
    "UPDATE ledger.movements SET amount = -amount WHERE debit_account = $1 AND debit_seq = 4": {
        "movement_moves_money",
        "balance_is_its_movements",
        "statement_is_a_chain",
        "hold_ends_once",
    },
}


@pytest.mark.parametrize(("act", "noticed"), VANDALISM.items())
async def test_every_corruption_is_found(
    database: Database, wallets: dict[str, str], vandal: Any, act: str, noticed: set[str]
) -> None:
    await unprotect(vandal)
    assert await vandal.execute(act, wallets["ann"]) in {"UPDATE 1", "DELETE 1"}
    seen = await report(database)
    assert set(seen.violations) == noticed, seen.findings
    assert wallets["ann"] in str(seen.findings) or "hld_" in str(seen.findings)


def test_every_check_has_its_vandal() -> None:
    assert set().union(*VANDALISM.values()) == set(CHECKS)


async def test_a_report_names_some_and_counts_all(database: Database, vandal: Any) -> None:
    await unprotect(vandal)
    await vandal.execute(
        "INSERT INTO ledger.accounts SELECT 'wal_' || n, 'usr_1', 'customer', 'IDR', NULL, 'active', NULL, "
        "-1, 0, 0, now() FROM generate_series(1, 250) AS n"
    )
    seen = await report(database)
    assert seen.violations["wallet_is_not_overdrawn"] == 250
    named = [finding for finding in seen.findings if finding.check == "wallet_is_not_overdrawn"]
    assert len(named) == FINDINGS_PER_CHECK
    assert f"wallet_is_not_overdrawn: {250 - FINDINGS_PER_CHECK} more" in seen.sentences()


async def test_traffic_goes_on_during_verification(desk: Desk, database: Database) -> None:
    ann = await desk.wallet(funds=1)
    stop = asyncio.Event()

    async def traffic() -> None:
        while not stop.is_set():
            await desk.do(credit(ann, 1))

    busy = asyncio.create_task(traffic())
    reports = [await report(database) for _ in range(10)]
    stop.set()
    await busy
    assert all(seen.sound for seen in reports)
    counts = [seen.counts["movements"] for seen in reports]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


async def test_the_invariants_are_metrics(desk: Desk, wallets: dict[str, str], vandal: Any) -> None:
    async with desk.database.reading() as connection:
        seen = await verification.invariants(connection)
    assert set(seen) == {"unbalanced", "held_without_hold", "overdrawn_wallets", "balances_astray"}
    assert all(values == {"IDR": 0, "USD": 0} for values in seen.values())
    await unprotect(vandal)
    # No wallet is missed by chance: the sample begins at a random id.
    await vandal.execute("UPDATE ledger.accounts SET id = 'wal_zzz' WHERE id = $1", wallets["ann"])
    await vandal.execute("UPDATE ledger.accounts SET posted = -1, held = 3 WHERE id = $1", "wal_zzz")
    await verification.measure(desk.database)
    values = {name: metrics.invariant.labels(name, "IDR")._value.get() for name in seen}
    assert values == {
        "unbalanced": -831,
        "held_without_hold": 3,
        "overdrawn_wallets": 1,
        "balances_astray": 1,
    }


async def test_our_own_accounts_are_measured_too(desk: Desk, wallets: dict[str, str], vandal: Any) -> None:
    assert wallets
    await unprotect(vandal)
    await vandal.execute(
        "UPDATE ledger.accounts SET posted = posted + 1 WHERE id = $1", chart.account_id("clearing", "IDR")
    )
    await verification.measure(desk.database)
    assert metrics.invariant.labels("balances_astray", "IDR")._value.get() == 1


async def unprotect(vandal: Any) -> None:
    """Remove what would stop even a vandal."""
    found = await vandal.fetch(
        "SELECT conrelid::regclass::text AS name, conname FROM pg_constraint "
        "WHERE connamespace = 'ledger'::regnamespace AND contype IN ('c', 'f')"
    )
    for row in found:
        await vandal.execute(f"ALTER TABLE {row['name']} DROP CONSTRAINT {row['conname']}")
