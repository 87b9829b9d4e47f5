"""A provider that misbehaves at random while workers are killed: in the end its statement and our books are the same.

`SALDO_SEED` repeats a run, `SALDO_ORDERS` makes it longer.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import asyncpg
import pytest

from sandbox.scripts import SCRIPTS
from tests.people import Json, Person, key, payout
from tests.system import System, Systems, eventually
from workers.ledger import verification

ORDERS = int(os.environ.get("SALDO_ORDERS", "240"))
SEED = int(os.environ.get("SALDO_SEED", random.randrange(10**6)))
PEOPLE = 4
FUNDS = 2_000_000_000
KILLS_EVERY_SECONDS = 3.0
SETTLED_SECONDS_MAX = 60.0
CREDIT = {"outcome": "succeeded", "reason": "The bank has it."}
LOST = "error when creating transport"

# A provider's bad month in half a minute.
HURRY = {
    "PROVIDER_TIMEOUT_SECONDS": "0.4",
    "PROVIDER_SCHEDULE_SECONDS": "[1, 1, 2]",
    "PROVIDER_FAILURES": "20",
    "PROVIDER_REST_SECONDS": "0.5",
    "PREPARATIONS": "32",
    "SLOW_ANSWER_SECONDS": "0.8",
    "DELAY_SECONDS": "0.3",
    "REVERSAL_SECONDS": "0.5",
    "CALLBACK_RETRY_SECONDS": "0.2",
    "SAGA_RESEND_SECONDS": "1",
    "UNTOLD_AFTER_SECONDS": "2",
}
# What the bank did, as a change of what it owes us.
SIGNS = {"charge": -1, "payout": 1, "charge_reversal": 1, "payout_reversal": -1}
CLEARING = """
SELECT operation_id, sum(CASE WHEN credit_account LIKE 'sys_clearing_%' THEN amount ELSE -amount END)::bigint AS moved
FROM ledger.movements WHERE debit_account LIKE 'sys_clearing_%' OR credit_account LIKE 'sys_clearing_%'
GROUP BY operation_id
"""


@pytest.fixture
async def system(systems: Systems) -> AsyncIterator[System]:
    """Everything in one worker process, which will be killed."""
    async with systems.running("misbehaving", LOST, split=False, gateways=1, settings=HURRY) as system:
        yield system


class Bank:
    """What the provider says of a run in the end."""

    def __init__(self, http: aiohttp.ClientSession, system: System) -> None:
        self._http = http
        self._url = system.sandbox
        self._headers = {"Authorization": f"Bearer {system.secrets['PROVIDER_KEY']}"}

    async def moved(self) -> dict[str, int]:
        """What it owes us less since, by reference."""
        today = datetime.now(UTC).date()
        found: Counter[str] = Counter()
        for day in (today - timedelta(days=1), today):
            for line in await self._lines(day.isoformat()):
                found[line["reference"]] += SIGNS[line["type"]] * line["amount"]
        return {reference: amount for reference, amount in found.items() if amount}

    async def _lines(self, day: str) -> list[Json]:
        lines: list[Json] = []
        after: dict[str, str] = {}
        while True:
            query = {"date": day} | after
            async with self._http.get(f"{self._url}/v1/statement", params=query, headers=self._headers) as answer:
                page = await answer.json()
            lines += page["data"]
            if page["next"] is None:
                return lines
            after = {"after": page["next"]}


async def _books(owner_url: str) -> dict[str, int]:
    """The same by the ledger: an order shares its operation's digits."""
    connection = await asyncpg.connect(owner_url)
    try:
        rows = await connection.fetch(CLEARING)
    finally:
        await connection.close()
    return {row["operation_id"].removeprefix("op_"): row["moved"] for row in rows if row["moved"]}


async def _say(person: Person, path: str, body: Json) -> None:
    """Until it is taken, under one key."""
    mine = key()
    while True:
        answer = await person.post(path, body, key=mine)
        if answer.status != 503:
            assert answer.status in (201, 202, 402), answer
            return
        await asyncio.sleep(0.2)


async def _trade(person: Person, wallet: str, orders: int, chance: random.Random) -> None:
    endings = [script.ending for script in SCRIPTS if script.ending is not None]
    for _ in range(orders):
        amount = chance.randrange(2, 50) * 10_000 + chance.choice([0, *endings])
        if chance.random() < 0.5:
            body = {"wallet_id": wallet, "amount": amount, "currency": "IDR", "method": "bca_virtual_account"}
            await _say(person, "/v1/topups", body)
        else:
            await _say(person, "/v1/withdrawals", payout(wallet, amount))


async def _killing(system: System, chance: random.Random, over: asyncio.Event) -> None:
    while not over.is_set():
        await asyncio.sleep(KILLS_EVERY_SECONDS * (0.5 + chance.random()))
        await system.kill("workers")
        await system.start("workers")


async def test_no_cent_differs_from_what_the_provider_says(system: System) -> None:
    chance = random.Random(SEED)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(15)) as http:
        people = [await Person(http, system.gateways, patient=True).join() for _ in range(PEOPLE)]
        wallets = [await person.open(funds=FUNDS) for person in people]
        over = asyncio.Event()
        killing = asyncio.create_task(_killing(system, random.Random(SEED + 1), over))
        trades = [
            _trade(person, wallet, ORDERS // PEOPLE, random.Random(chance.random()))
            for person, wallet in zip(people, wallets, strict=True)
        ]
        await asyncio.gather(*trades)
        over.set()
        await killing
        bank = Bank(http, system)

        async def agreed() -> bool:
            books = await _books(system.servers.migrations)
            said = {reference.partition("_")[2]: amount for reference, amount in (await bank.moved()).items()}
            return books == said and not [one for person in people for one in await _open(person)]

        await eventually(f"the books agree with the bank (SALDO_SEED={SEED})", SETTLED_SECONDS_MAX, agreed)
        assert await verification.verify(system.servers.migrations) == []
        operator = await Person(http, system.gateways, patient=True).appointed(system.servers.database)
        await _reconciled(operator, people)


async def _reconciled(operator: Person, people: list[Person]) -> None:
    """Operators look at what did not fit; then nothing differs from the statements of this run's days."""
    for topup in [one for person in people for one in await person.listed("/v1/topups")]:
        if topup["status"] in ("pending", "unknown"):
            credited = await operator.post(f"/v1/topups/{topup['id']}/resolve", CREDIT, prefer="wait=30")
            assert credited.status == 200, credited
    left: list[Json] = []

    async def only_short_payouts() -> bool:
        left[:] = await _exceptions(operator)
        return all((item["kind"], item["type"]) == ("different", "payout") for item in left)

    await eventually(f"all else is clear (SALDO_SEED={SEED})", SETTLED_SECONDS_MAX, only_short_payouts)
    for item in left:
        path = f"/v1/ops/reconciliations/{item['run']}/items/{item['id']}/resolve"
        assert (await operator.post(path, {"reason": "The bank kept a part."}, prefer="wait=30")).status == 200
    assert await _exceptions(operator) == []


async def _exceptions(operator: Person) -> list[Json]:
    """What is open after both days of this run are compared."""
    today = datetime.now(UTC).date()
    found: list[Json] = []
    for day in (today - timedelta(days=1), today):
        run = await operator.post("/v1/ops/reconciliations", {"date": day.isoformat()}, prefer="wait=30")
        assert run.status == 200, run
        items = (await operator.read(f"/v1/ops/reconciliations/{run.json['id']}"))["items"]
        found += [item | {"run": run.json["id"]} for item in items if item["status"] == "open"]
    return found


async def _open(person: Person) -> list[Json]:
    """What has not come to its end; money that does not fit waits for an operator."""
    topups = [one for one in await person.listed("/v1/topups") if one["amount_received"] is None]
    orders = [*topups, *await person.listed("/v1/withdrawals")]
    return [one for one in orders if one["status"] in ("pending", "unknown", "in_transit")]
