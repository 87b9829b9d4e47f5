"""What must be true when the dust has settled: each promise kept once, each cent where it belongs."""

from collections import Counter

import asyncpg

from tests.failures.traffic import Order, Traffic, in_turns
from tests.people import Json, Person
from tests.system import System, eventually
from workers.ledger import verification

SETTLE_SECONDS = 60.0
# Each is a number of rows that must be zero in the end.
LEFTOVERS = {
    "open sagas": "SELECT count(*) FROM runtime.sagas WHERE phase NOT IN ('completed', 'failed')",
    "pending operations": "SELECT count(*) FROM runtime.operations WHERE status NOT IN ('succeeded', 'failed')",
    "open holds": "SELECT count(*) FROM ledger.holds WHERE status = 'open'",
    "timers": "SELECT count(*) FROM runtime.timers",
    "dead letters": "SELECT count(*) FROM runtime.dead_letters",
}


async def reckon(system: System, traffic: Traffic) -> None:
    """Compare what was promised with what there is, over HTTP and in the database."""
    await in_turns(traffic.orders, _promised)
    await _settled(system)
    outcomes = await in_turns(traffic.orders, _outcome)
    await _promises_are_kept(traffic, outcomes)
    await _balances_match_movements(traffic, outcomes)
    assert await verification.verify(system.servers.migrations) == []


async def _promised(order: Order) -> None:
    """Who was answered 202 can poll until there is an outcome."""
    assert order.answer is not None, order
    if order.answer.status == 202:
        await order.sender.outcome(order.answer.json["id"])


async def _outcome(order: Order) -> Json:
    """The order's operation: the same for its first answer, for a repeat and for whoever polls elsewhere."""
    assert order.answer is not None, order
    again = await order.send()
    assert again.status == 202, again
    assert again.headers["Idempotency-Replayed"] == "true", again
    operation = await order.sender.outcome(again.json["id"], at=1)
    answer = order.answer
    if answer.status == 202:
        assert answer.json["id"] == operation["id"]
    elif answer.status == 201:
        assert (operation["status"], operation["result"]["id"]) == ("succeeded", answer.json["id"])
    else:
        assert (operation["status"], operation["problem"]["code"]) == ("failed", answer.code)
    return operation


async def _settled(system: System) -> None:
    connection = await asyncpg.connect(system.servers.migrations)
    left: dict[str, int] = {}

    async def nothing_left() -> bool:
        left.update({name: await connection.fetchval(query) for name, query in LEFTOVERS.items()})
        return not any(left.values())

    try:
        await eventually(f"nothing is left over: {left}", SETTLE_SECONDS, nothing_left)
    finally:
        assert not any(left.values()), left
        await connection.close()


async def _promises_are_kept(traffic: Traffic, outcomes: list[Json]) -> None:
    """Every order is exactly one transfer, completed or failed as its operation says."""
    senders = {id(order.sender): order.sender for order in traffic.orders}.values()
    sent = [one for person in senders for one in await person.listed("/v1/transfers?direction=sent")]
    assert Counter(one["metadata"]["order"] for one in sent) == Counter(order.key for order in traffic.orders)
    status = {one["metadata"]["order"]: one["status"] for one in sent}
    expected = {"succeeded": "completed", "failed": "failed"}
    told = [expected[outcome["status"]] for outcome in outcomes]
    assert [status[order.key] for order in traffic.orders] == told
    codes = {outcome["problem"]["code"] for outcome in outcomes if outcome["problem"]}
    assert codes <= {"insufficient_funds"}
    assert any(outcome["status"] == "succeeded" for outcome in outcomes)


async def _balances_match_movements(traffic: Traffic, outcomes: list[Json]) -> None:
    moved, funded, total = Counter[str](), 0, 0
    for person, wallet in traffic.wallets:
        entries = await _statement(person, wallet)
        total += entries[0]["balance_after"]
        for entry in entries:
            if entry["kind"] == "transfer":
                moved[entry["operation_id"]] += 1
            else:
                funded += entry["amount"]
    assert total == funded
    assert moved == dict.fromkeys((one["id"] for one in outcomes if one["status"] == "succeeded"), 2)


async def _statement(person: Person, wallet: str) -> list[Json]:
    """A wallet's movements, newest first, which add up to each balance on the way and to the one that it has."""
    entries = await person.listed(f"/v1/wallets/{wallet}/movements")
    balance = 0
    for entry in reversed(entries):
        balance += entry["amount"]
        assert entry["balance_after"] == balance >= 0
    assert await person.balance(wallet) == (balance, 0, balance)
    return entries
