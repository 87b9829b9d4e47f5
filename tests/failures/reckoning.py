"""What must be true when the dust has settled: each promise kept once, each cent where it belongs."""

from collections import Counter
from functools import partial

import asyncpg

from tests.failures.traffic import PAYMENTS, TRANSFERS, Order, Traffic, in_turns, patiently
from tests.people import Json, Person, key
from tests.system import System, eventually
from workers.ledger import verification

REPLAYED = "Idempotency-Replayed"
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
    await _given_back(traffic)
    await _settled(system)
    outcomes = await in_turns(traffic.orders, _outcome)
    await _promises_are_kept(traffic, outcomes)
    await _payments_are_their_moves(traffic, outcomes)
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
    # A gateway that misses the workers' word has accepted it without knowing that it is a repeat.
    again = await patiently(order.send, lambda answer: REPLAYED in answer.headers)
    assert again.status == 202, again
    assert again.headers[REPLAYED] == "true", again
    operation = await order.sender.outcome(again.json["id"], at=1)
    answer = order.answer
    if answer.status == 202:
        assert answer.json["id"] == operation["id"]
    elif answer.status in (200, 201):
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


async def _given_back(traffic: Traffic) -> None:
    """The shop wants no more of what is still set aside for it: that is not the weather's fault."""
    for payment in await traffic.shop.listed(f"{PAYMENTS}?status=authorized"):
        voided = await patiently(partial(traffic.shop.move, payment["id"], "void", key=key(), prefer="wait=30"))
        assert voided.status == 200, voided


async def _promises_are_kept(traffic: Traffic, outcomes: list[Json]) -> None:
    """Every order is exactly one transfer or payment, completed or failed as its operation says."""
    senders = {id(order.sender): order.sender for order in traffic.orders if order.path == TRANSFERS}.values()
    made = [one for person in senders for one in await person.listed(f"{TRANSFERS}?direction=sent")]
    made += await traffic.shop.listed(PAYMENTS)
    first = [order.key for order in traffic.orders if order.path in (TRANSFERS, PAYMENTS)]
    assert Counter(one["metadata"]["order"] for one in made) == Counter(first)
    failed = {one["metadata"]["order"]: one["status"] == "failed" for one in made}
    told = {order.key: one["status"] == "failed" for order, one in zip(traffic.orders, outcomes, strict=True)}
    assert failed == {key_: told[key_] for key_ in first}
    codes = {outcome["problem"]["code"] for outcome in outcomes if outcome["problem"]}
    assert codes <= {"insufficient_funds"}, codes
    for path in (TRANSFERS, PAYMENTS):
        mine = [one for order, one in zip(traffic.orders, outcomes, strict=True) if order.path == path]
        assert any(outcome["status"] == "succeeded" for outcome in mine)


async def _payments_are_their_moves(traffic: Traffic, outcomes: list[Json]) -> None:
    """What was captured and refunded of each payment is what those moves that succeeded took and gave."""
    captured, refunded = Counter[str](), Counter[str]()
    for order, outcome in zip(traffic.orders, outcomes, strict=True):
        parts = order.path.removeprefix(f"{PAYMENTS}/").split("/")
        if order.path.startswith(f"{PAYMENTS}/") and outcome["status"] == "succeeded":
            (captured if parts[1] == "capture" else refunded)[parts[0]] += order.body["amount"]
    for payment in await traffic.shop.listed(PAYMENTS):
        if payment["capture"] == "automatic":
            captured[payment["id"]] += 0 if payment["status"] == "failed" else payment["amount"]
        assert payment["amount_captured"] == captured[payment["id"]]
        assert payment["amount_refunded"] == refunded[payment["id"]]
        assert payment["status"] not in ("pending", "authorized")


async def _balances_match_movements(traffic: Traffic, outcomes: list[Json]) -> None:
    moved, counted, funded, total = Counter[str](), Counter[str](), 0, 0
    for person, wallet in [*traffic.wallets, (traffic.shop.owner, traffic.shop.wallet)]:
        entries = await _statement(person, wallet)
        total += entries[0]["balance_after"] if entries else 0
        for entry in entries:
            counted[entry["kind"]] += entry["amount"]
            if entry["kind"] == "top_up":
                funded += entry["amount"]
            elif entry["kind"] != "fee":
                moved[entry["operation_id"]] += 1
    assert total == funded + counted["fee"]
    assert counted["transfer"] == counted["payment"] == counted["refund"] == 0
    manual = [order.body.get("capture") == "manual" for order in traffic.orders]
    done = [one["id"] for one, held in zip(outcomes, manual, strict=True) if one["status"] == "succeeded" and not held]
    assert moved == dict.fromkeys(done, 2)


async def _statement(person: Person, wallet: str) -> list[Json]:
    """A wallet's movements, newest first, which add up to each balance on the way and to the one that it has."""
    entries = await person.listed(f"/v1/wallets/{wallet}/movements")
    balance = 0
    for entry in reversed(entries):
        balance += entry["amount"]
        assert entry["balance_after"] == balance >= 0
    assert await person.balance(wallet) == (balance, 0, balance)
    return entries
