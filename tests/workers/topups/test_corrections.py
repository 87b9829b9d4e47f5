"""Words that come while the books are on their way, and money for a wallet that is gone."""

from collections.abc import Awaitable, Callable

import pytest

from contracts.ledger import CloseWallet, ListReceivables
from contracts.topology import DOMAINS
from contracts.topups import ReverseTopUp
from tests.servers import Database
from tests.system import eventually
from tests.workers import bank
from tests.workers.bank import Bank
from tests.workers.client import Client
from tests.workers.rows import becomes
from tests.workers.topups.conftest import OWNER, WORKER, Counter
from workers.runtime.worker import Worker

Start = Callable[..., Awaitable[Worker]]

AMOUNT = 50_000
OPERATOR = "usr_operator"
ALL_BUT_THE_LEDGER = [domain for domain in DOMAINS if domain != "ledger"]


@pytest.mark.parametrize(
    ("said", "status", "balance"),
    [
        (("reversed", "succeeded"), "succeeded", AMOUNT),
        (("reversed", "succeeded", "reversed"), "reversed", 0),
        (("reversed", "succeeded", "reversed", "succeeded"), "succeeded", AMOUNT),
    ],
)
async def test_the_last_word_counts_once_however_many_come_before_the_books_have_followed(
    start_worker: Start,
    client: Client,
    sandbox: Bank,
    database: Database,
    said: tuple[str, ...],
    status: str,
    balance: int,
) -> None:
    counter = Counter(client, database)
    await start_worker(*ALL_BUT_THE_LEDGER, provider_url=sandbox.url, **WORKER)
    ledger = await start_worker("ledger")
    wallet = await counter.wallet()
    reply = await counter.topup(wallet, AMOUNT)
    assert reply.result is not None
    topup = reply.result["id"]
    [charge] = await sandbox.charges(topup)
    await ledger.stop()
    for number, word in enumerate(said, 1):
        version = charge["version"] + number
        await bank.says(client, "charge", charge, status=word, version=version)
        await becomes(database, "topups.topups", topup, "version", version)
    await start_worker("ledger")
    await becomes(database, "topups.topups", topup, "owes", None)
    await counter.becomes(topup, status)
    assert await counter.balance(wallet) == balance
    assert await counter.suspense() == 0


async def test_what_comes_for_a_wallet_that_was_closed_meanwhile_is_not_told_to_be_there(
    counter: Counter, sandbox: Bank
) -> None:
    wallet = await counter.wallet()
    await sandbox.plan("delay")
    topup = await counter.begin(wallet, AMOUNT)
    await eventually("it is asked for", 15, lambda: _charged(sandbox, topup))
    assert (await counter.client.ask(CloseWallet(wallet_id=wallet), OWNER)).status == "succeeded"
    failed = await counter.becomes(topup, "failed")
    assert failed.failure is not None
    assert failed.failure.code == "wallet_closed"
    assert await counter.suspense() == AMOUNT
    refused = await counter.client.ask(ReverseTopUp(topup_id=topup, reason="The payer asks."), OPERATOR)
    assert refused.problem is not None
    assert refused.problem.code == "not_reversible"
    [charge] = await sandbox.charges(topup)
    await sandbox.change(charge["id"], "reversed")
    await counter.becomes(topup, "reversed")
    assert await counter.suspense() == 0
    owed = await counter.client.ask(ListReceivables(), OPERATOR, oversees=True)
    assert owed.result is not None
    assert owed.result["data"] == [], "nobody owes what they never had"


async def _charged(sandbox: Bank, topup: str) -> bool:
    return bool(await sandbox.charges(topup))
