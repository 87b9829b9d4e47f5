"""Words that come while the books are on their way."""

from collections.abc import Awaitable, Callable

import pytest

from contracts.topology import DOMAINS
from tests.servers import Database
from tests.workers import bank
from tests.workers.bank import Bank
from tests.workers.client import Client
from tests.workers.rows import becomes
from tests.workers.withdrawals.conftest import FUNDS, WORKER, Window
from workers.runtime.worker import Worker

Start = Callable[..., Awaitable[Worker]]

AMOUNT = 50_000
ALL_BUT_THE_LEDGER = [domain for domain in DOMAINS if domain != "ledger"]


@pytest.mark.parametrize(
    ("said", "status", "left"),
    [
        (("reversed", "succeeded"), "paid", AMOUNT),
        (("reversed", "succeeded", "reversed"), "failed", 0),
        (("reversed", "succeeded", "reversed", "succeeded"), "paid", AMOUNT),
    ],
)
async def test_the_last_word_counts_once_however_many_come_before_the_books_have_followed(
    start_worker: Start,
    client: Client,
    sandbox: Bank,
    database: Database,
    said: tuple[str, ...],
    status: str,
    left: int,
) -> None:
    window = Window(client, database)
    await start_worker(*ALL_BUT_THE_LEDGER, provider_url=sandbox.url, **WORKER)
    ledger = await start_worker("ledger")
    wallet = await window.wallet()
    withdrawal = await window.begin(wallet, AMOUNT)
    fee = (await window.becomes(withdrawal, "paid")).fee
    [payout] = await sandbox.payouts(withdrawal)
    await ledger.stop()
    for number, word in enumerate(said, 1):
        version = payout["version"] + number
        await bank.says(client, "payout", payout, status=word, version=version)
        await becomes(database, "withdrawals.withdrawals", withdrawal, "version", version)
    await start_worker("ledger")
    await becomes(database, "withdrawals.withdrawals", withdrawal, "owes", None)
    await window.becomes(withdrawal, status)
    assert await window.balance(wallet) == (FUNDS - fee - left, 0)
    assert await window.suspense() == 0
