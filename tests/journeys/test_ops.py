"""Operators at work: what is stuck or has died is seen and mended over HTTP, by whoever may, once or twice."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import asyncpg
import pytest

from contracts import ids, topology
from contracts.bus import Bus
from contracts.envelope import Envelope, encode, pack
from tests.people import Json, Person, key
from tests.system import System, eventually

REASON = {"reason": "Somebody called."}
SECONDS = 20
NONSENSE = "ledger.Nonsense.v1"


@pytest.fixture
async def operator(system: System, http: aiohttp.ClientSession) -> Person:
    """Somebody who runs this installation."""
    return await Person(http, system.gateways).appointed(system.servers.database)


@pytest.fixture
async def workers_bus(system: System) -> AsyncIterator[Bus]:
    """The broker as workers reach it."""
    bus = Bus(system.servers.workers_amqp, name="test")
    await bus.start()
    yield bus
    await bus.stop()


@asynccontextmanager
async def locked(system: System, wallet: str) -> AsyncIterator[None]:
    """Nobody else gets at this wallet: what needs it waits."""
    connection = await asyncpg.connect(system.servers.database)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM ledger.accounts WHERE id = $1 FOR UPDATE", wallet)
            yield
    finally:
        await connection.close()


async def sagas_of(operator: Person, operation: str, **filters: str) -> list[Json]:
    """The business processes of an operation."""
    asked = "&".join(f"{name}={value}" for name, value in {"operation_id": operation, **filters}.items())
    return await operator.listed(f"/v1/ops/sagas?{asked}")


async def waiting(ani: Person, operator: Person, wallets: tuple[str, str]) -> tuple[str, Json]:
    """The operation and the saga of a transfer that waits for the first of these wallets."""
    accepted = await ani.transfer(*wallets, 300, prefer=None)
    operation: str = accepted.json["id"]
    found: list[Json] = []

    async def asked() -> bool:
        found[:] = await sagas_of(operator, operation)
        return bool(found)

    await eventually("a saga", SECONDS, asked)
    return operation, found[0]


async def audited(operator: Person, thing: str) -> list[tuple[str, str]]:
    """What was done to it by this operator, oldest first."""
    entries = await operator.listed(f"/v1/audit?object={thing}")
    return [(entry["action"], entry["reason"]) for entry in reversed(entries)]


async def test_a_transfer_that_hangs_is_compensated(
    system: System, ani: Person, budi: Person, operator: Person
) -> None:
    wallets = await ani.open(funds=1_000), await budi.open()
    async with locked(system, wallets[0]):
        operation, saga = await waiting(ani, operator, wallets)
        assert (saga["type"], saga["status"], saga["awaiting"], saga["stuck"]) == (
            "TransferMoney",
            "running",
            "hold",
            False,
        )
        path = f"/v1/ops/sagas/{saga['id']}"
        clicks = await asyncio.gather(*(operator.post(f"{path}/compensate", REASON, at=n % 2) for n in range(4)))
        assert [(answer.status, answer.json["status"]) for answer in clicks] == [(200, "undoing")] * 4
    outcome = await ani.outcome(operation)
    problem = outcome["problem"]
    assert (outcome["status"], problem["status"], problem["code"]) == ("failed", 409, "compensated_by_operator")
    assert await ani.balance(wallets[0]) == (1_000, 0, 1_000)
    assert await budi.balance(wallets[1]) == (0, 0, 0)
    told = await operator.read(path)
    said = {"code": problem["code"], "title": problem["title"], "detail": problem["detail"]}
    assert (told["status"], told["problem"]) == ("failed", said), "what stands in the document, and nothing else"
    [by_hand] = [entry for entry in told["history"] if entry["by"]]
    assert (by_hand["what"], by_hand["reason"]) == ("compensated", REASON["reason"])
    assert (await operator.post(f"{path}/compensate", REASON)).json["status"] == "failed"
    assert (await operator.post(f"{path}/retry", REASON)).code == "saga_ended"
    assert await audited(operator, saga["id"]) == [("operations.CompensateSaga", REASON["reason"])]


async def test_a_transfer_that_hangs_is_retried(system: System, ani: Person, budi: Person, operator: Person) -> None:
    wallets = await ani.open(funds=1_000), await budi.open()
    async with locked(system, wallets[0]):
        operation, saga = await waiting(ani, operator, wallets)
        path = f"/v1/ops/sagas/{saga['id']}"
        clicks = await asyncio.gather(*(operator.post(f"{path}/retry", REASON, at=n % 2) for n in range(3)))
        assert [answer.status for answer in clicks] == [200] * 3
    assert (await ani.outcome(operation))["status"] == "succeeded"
    assert await ani.balance(wallets[0]) == (700, 0, 700)
    assert await budi.balance(wallets[1]) == (300, 0, 300)
    refused = await operator.post(f"{path}/compensate", REASON)
    assert (refused.status, refused.code) == (409, "pivot_passed")
    assert [action for action, _ in await audited(operator, saga["id"])] == ["operations.RetrySaga"] * 3


async def test_clicks_while_transfers_move_by_themselves(ani: Person, budi: Person, operator: Person) -> None:
    source, destination = await ani.open(funds=1_000), await budi.open()
    accepted = [await ani.transfer(source, destination, 10, prefer=None) for _ in range(10)]
    sagas = [one for each in accepted for one in await sagas_of(operator, each.json["id"])]
    acts = [f"/v1/ops/sagas/{one['id']}/{act}" for one in sagas for act in ("compensate", "retry")]
    answers = await asyncio.gather(*(operator.post(path, REASON) for path in acts))
    assert {answer.status for answer in answers} <= {200, 409}
    outcomes = [await ani.outcome(one.json["id"]) for one in accepted]
    moved = 10 * sum(outcome["status"] == "succeeded" for outcome in outcomes)
    assert await ani.balance(source) == (1_000 - moved, 0, 1_000 - moved)
    assert await budi.balance(destination) == (moved, 0, moved)


async def test_sagas_are_listed_and_filtered(ani: Person, budi: Person, operator: Person) -> None:
    wallets = await ani.open(funds=1_000), await budi.open()
    done = await ani.transfer(*wallets, 10)
    assert done.status == 201
    accepted = await ani.transfer(*wallets, 10, prefer=None)
    await ani.outcome(accepted.json["id"])
    [saga] = await sagas_of(operator, accepted.json["id"], status="completed", type="TransferMoney", stuck="false")
    assert await sagas_of(operator, accepted.json["id"], status="stuck") == []
    assert await sagas_of(operator, accepted.json["id"], stuck="true") == []
    page = await operator.read("/v1/ops/sagas?limit=1")
    assert len(page["data"]) == 1
    older = await operator.read(f"/v1/ops/sagas?limit=1&after={page['next']}")
    assert older["data"][0]["id"] != page["data"][0]["id"]
    told = await operator.read(f"/v1/ops/sagas/{saga['id']}")
    assert told["state"]["amount"] == 10
    assert told["history"][0]["what"] == "started"


async def buried(operator: Person, bus: Bus) -> str:
    """A message that nobody understands (the system's fixture knows of it), as the letter that it becomes."""
    envelope = Envelope(ids.new("msg"), NONSENSE, {"amount": 5, "pan": "4000000000000002"}, operation=ids.new("op"))
    for body in pack([encode(envelope)]):
        await bus.publish(topology.COMMANDS, "ledger.commands", body)
    letter = ids.derived("dlt", "ledger.commands", envelope.id)
    await becomes(operator, letter, "open")
    return letter


async def becomes(operator: Person, letter: str, status: str) -> None:
    """Wait until it is so."""

    async def so() -> bool:
        answer = await operator.get(f"/v1/ops/dead-letters/{letter}")
        return answer.status == 200 and answer.json["status"] == status

    await eventually(f"a letter that is {status}", SECONDS, so)


async def test_a_dead_letter_is_seen_without_its_secrets(operator: Person, workers_bus: Bus) -> None:
    letter = await buried(operator, workers_bus)
    told = await operator.read(f"/v1/ops/dead-letters/{letter}")
    assert (told["type"], told["queue"], told["reason"]) == (NONSENSE, "ledger.commands", "no handler for this type")
    assert told["payload"] == {"amount": 5, "pan": "[hidden]"}
    listed = await operator.listed(f"/v1/ops/dead-letters?type={NONSENSE}&status=open")
    assert letter in [one["id"] for one in listed]
    assert "4000000000000002" not in str(listed)


async def test_what_is_replayed_too_early_dies_again(operator: Person, workers_bus: Bus) -> None:
    letter = await buried(operator, workers_bus)
    replayed = await operator.post(f"/v1/ops/dead-letters/{letter}/replay", REASON)
    assert (replayed.status, replayed.json["status"]) == (200, "replayed")
    await becomes(operator, letter, "open")
    many = await operator.post("/v1/ops/dead-letters/replay", {"ids": [letter], **REASON})
    assert (many.status, many.json) == (200, {"count": 1, "has_more": False})
    await becomes(operator, letter, "open")
    again = await operator.post("/v1/ops/dead-letters/replay", {"type": NONSENSE, **REASON})
    assert again.json["count"] >= 1
    actions = [action for action, _ in await audited(operator, letter)]
    assert actions == ["operations.ReplayDeadLetter", "operations.ReplayDeadLetters", "operations.ReplayDeadLetters"]


async def test_a_dead_letter_is_discarded_once(operator: Person, workers_bus: Bus) -> None:
    path = f"/v1/ops/dead-letters/{await buried(operator, workers_bus)}"
    clicks = await asyncio.gather(*(operator.call("DELETE", path, REASON, at=n % 2) for n in range(3)))
    assert [answer.status for answer in clicks] == [204] * 3
    refused = await operator.post(f"{path}/replay", REASON)
    assert (refused.status, refused.code) == (409, "already_discarded")
    told = await operator.read(path)
    assert (told["status"], told["resolved_reason"]) == ("discarded", REASON["reason"])
    assert len(await audited(operator, told["id"])) == 1


async def test_there_has_to_be_a_reason(operator: Person, workers_bus: Bus) -> None:
    letter = await buried(operator, workers_bus)
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": 1}, {"reason": "x" * 501}):
        for method, path in (("POST", f"{letter}/replay"), ("DELETE", letter)):
            refused = await operator.call(method, f"/v1/ops/dead-letters/{path}", body)
            assert (refused.status, refused.code) == (422, "validation_failed"), body
        for act in ("retry", "compensate"):
            assert (await operator.post(f"/v1/ops/sagas/sag_x/{act}", body)).status == 422, body
    assert (await operator.read(f"/v1/ops/dead-letters/{letter}"))["status"] == "open"


async def test_what_is_not_there_is_not_found(operator: Person) -> None:
    for path in ("sagas/sag_nobody", "dead-letters/dlt_nobody"):
        assert (await operator.get(f"/v1/ops/{path}")).status == 404
    for path in ("sagas/sag_nobody/retry", "sagas/sag_nobody/compensate", "dead-letters/dlt_nobody/replay"):
        assert (await operator.post(f"/v1/ops/{path}", REASON)).status == 404
    assert (await operator.call("DELETE", "/v1/ops/dead-letters/dlt_nobody", REASON)).status == 404


async def test_a_click_may_be_repeated_under_its_key(operator: Person, workers_bus: Bus) -> None:
    path = f"/v1/ops/dead-letters/{await buried(operator, workers_bus)}"
    once = key()
    first = await operator.call("DELETE", path, REASON, key=once)
    again = await operator.call("DELETE", path, REASON, key=once)
    assert (first.status, again.status) == (204, 204)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_the_ledgers_soundness_is_known_and_verified_when_asked(operator: Person) -> None:
    verified = await operator.post("/v1/ops/ledger/verification", prefer="wait=30")
    assert (verified.status, verified.json["sound"]) == (200, True), verified
    known = await operator.read("/v1/ops/ledger/verification")
    assert known["sound"] is True
    assert known["verification"]["violations"] == {}


async def test_reconciliations_are_listed(operator: Person) -> None:
    refused = await operator.post("/v1/ops/reconciliations", {"date": "2999-01-01"}, prefer="wait=20")
    assert (refused.status, refused.code) == (422, "date_in_future")
    for date in ("yesterday", "2026-02-30", 5, None):
        assert (await operator.post("/v1/ops/reconciliations", {"date": date})).status == 422
    assert isinstance(await operator.listed("/v1/ops/reconciliations?open=true"), list)
    assert (await operator.get("/v1/ops/reconciliations/rec_nobody")).status == 404
    lost = await operator.post("/v1/ops/reconciliations/rec_nobody/items/rit_nobody/resolve", REASON)
    assert lost.status == 404


async def test_a_day_is_reconciled_with_the_provider(
    system: System, http: aiohttp.ClientSession, ani: Person, operator: Person
) -> None:
    topup = await ani.top_up(await ani.open(), 7_000)
    stray = f"stray_{secrets.token_hex(6)}"
    charge = {"reference": stray, "method": "bca_virtual_account", "amount": 8_000, "currency": "IDR"}
    headers = {"Authorization": f"Bearer {system.secrets['PROVIDER_KEY']}", "Idempotency-Key": stray}
    async with http.post(f"{system.sandbox}/v1/charges", json=charge, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
    today = {"date": datetime.now(UTC).date().isoformat()}
    found: dict[str, Json] = {}

    async def compared() -> bool:
        run = await operator.post("/v1/ops/reconciliations", today, prefer="wait=30")
        assert run.status == 200, run
        found.update(await operator.read(f"/v1/ops/reconciliations/{run.json['id']}"))
        return topup.json["id"] not in [one["reference"] for one in found["items"] if one["status"] == "open"]

    await eventually("a top-up that both sides know", SECONDS, compared)
    assert found["matched"] >= 1
    [item] = [one for one in found["items"] if one["reference"] == stray]
    assert (item["kind"], item["ours"], item["theirs"], item["status"]) == ("missing_here", None, 8_000, "open")
    path = f"/v1/ops/reconciliations/{found['id']}/items/{item['id']}/resolve"
    clicks = await asyncio.gather(*(operator.post(path, REASON, at=n % 2) for n in range(3)))
    assert [(click.status, click.json["status"]) for click in clicks] == [(200, "resolved")] * 3
    await compared()
    [item] = [one for one in found["items"] if one["reference"] == stray]
    assert (item["status"], item["resolved_reason"]) == ("resolved", REASON["reason"])
    assert await audited(operator, item["id"]) == [("reconciliation.ResolveReconciliationItem", REASON["reason"])]
