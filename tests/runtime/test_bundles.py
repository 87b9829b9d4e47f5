"""Bundles in, natural batches, bundles out; what can't be read is buried and its neighbours are handled."""

import asyncio
import json
from typing import Any

from contracts import topology
from contracts.bus import Bus
from contracts.envelope import Envelope, encode
from tests.runtime import probe
from tests.runtime.books import Books
from tests.runtime.conftest import Start
from tests.runtime.desk import said
from tests.runtime.said.bank import Deposit, Free, GetAccount, Whisper
from tests.servers import Vhost
from tests.workers.client import Client
from workers.runtime.telemetry import metrics

DEPOSIT = Deposit(account="a", amount=1)


def batches() -> tuple[float, float, dict[str, float]]:
    """How many batches there were, how many messages in all, and how many were at most so large."""
    samples = [sample for metric in metrics.batch_messages.collect() for sample in metric.samples]
    count = next(sample.value for sample in samples if sample.name.endswith("_count"))
    total = next(sample.value for sample in samples if sample.name.endswith("_sum"))
    return count, total, {sample.labels["le"]: sample.value for sample in samples if sample.name.endswith("_bucket")}


async def send_raw(url: str, queue: str, body: bytes) -> None:
    bus = Bus(url, name="raw")
    await bus.start(probe.WHOLE)
    await bus.publish(topology.COMMANDS, queue, body)
    await bus.stop()


async def test_what_arrives_during_a_batch_is_the_next_one(start: Start, client: Client, books: Books) -> None:
    await start("bank")
    before = batches()
    asked = [client.envelope(Deposit(account=f"a{n % 50}", amount=1)) for n in range(1000)]
    await asyncio.gather(*(client.send(envelope) for envelope in asked))
    for envelope in asked:
        assert (await client.final(envelope)).status == "succeeded"
    after = batches()
    assert after[1] - before[1] == 1000
    assert after[0] - before[0] < 200, "a transaction for each message would be a thousand"
    assert await books.value("SELECT sum(amount) FROM probe.accounts") == 1000


async def test_a_batch_is_bounded(start: Start, client: Client) -> None:
    await start("bank", batch_messages=20)
    before = batches()
    bundles = [[client.envelope(DEPOSIT) for _ in range(8)] for _ in range(40)]
    await asyncio.gather(*(client.send(*bundle) for bundle in bundles))
    for bundle in bundles:
        for envelope in bundle:
            await client.final(envelope)
    after = batches()
    large = (after[2]["+Inf"] - after[2]["16.0"]) - (before[2]["+Inf"] - before[2]["16.0"])
    assert large == 0, "two bundles of eight fit into twenty, three don't"
    assert after[1] - before[1] == 320


async def test_a_bundle_larger_than_the_bound_goes_alone(start: Start, client: Client, books: Books) -> None:
    await start("bank", batch_messages=1)
    envelopes = [client.envelope(DEPOSIT) for _ in range(30)]
    await client.send(*envelopes)
    await client.final(envelopes[-1])
    assert await books.amount("a") == 30


async def test_an_idle_worker_answers_at_once(start: Start, client: Client) -> None:
    await start("bank")
    await client.ask(DEPOSIT)
    waits = []
    for _ in range(20):
        began = asyncio.get_running_loop().time()
        await client.ask(DEPOSIT)
        waits.append(asyncio.get_running_loop().time() - began)
    assert min(waits) < 0.2, "nobody lingers for company"


async def test_rubbish_is_buried_and_its_neighbours_are_handled(
    start: Start, client: Client, books: Books, vhost: Vhost
) -> None:
    await start("bank")
    good = said(DEPOSIT)._replace(reply_to=None)
    fields = json.loads(encode(good))
    parts: list[Any] = [
        fields,
        "text",
        {"id": "x"},
        fields | {"id": 7},
        fields | {"id": "i1", "operation": "i1", "type": "bank.Nothing.v1"},
        fields | {"id": "i2", "operation": "i2", "body": {"account": []}},
        fields | {"id": "i3", "operation": "other"},
        fields | {"id": "i4", "operation": "i4", "caller": None},
        fields | {"id": "i5", "operation": "i5", "attempt": "many"},
        fields | {"id": "i6", "operation": "i6"},
    ]
    await send_raw(vhost.gateway_url, "bank.commands", json.dumps(parts).encode())
    await send_raw(vhost.gateway_url, "bank.commands", b"\x00\xffrubbish")
    await send_raw(vhost.gateway_url, "bank.commands", b"{}")
    await books.becomes(2, lambda: books.amount("a"))
    await books.becomes(10, lambda: books.count("runtime.dead_letters"))
    reasons = sorted(reason.partition(":")[0] for _, reason, _ in await books.letters())
    assert reasons == [
        *["a command from the gateway is its operation, and has a caller"] * 2,
        "invalid bank.Deposit.v1",
        "no handler for this type",
        *["not an envelope"] * 6,
    ]
    await client.ask(DEPOSIT)


async def test_a_whole_bundle_that_is_no_json_is_kept_whole(start: Start, books: Books, vhost: Vhost) -> None:
    await start("bank")
    body = b"[" + b",".join(encode(said(DEPOSIT)) for _ in range(40)) + b",]"
    await send_raw(vhost.gateway_url, "bank.commands", body)
    await books.becomes(1, lambda: books.count("runtime.dead_letters"))
    assert await books.value("SELECT message #>> '{}' FROM runtime.dead_letters") == body.decode()


async def test_unknown_fields_are_ignored_on_the_wire(start: Start, books: Books, vhost: Vhost) -> None:
    await start("bank")
    fields = json.loads(encode(said(DEPOSIT)))
    fields["body"]["new_in_a_later_version"] = fields["new_too"] = 1
    await send_raw(vhost.gateway_url, "bank.commands", json.dumps([fields]).encode())
    await books.becomes(1, lambda: books.amount("a"))


async def test_who_may_say_what(start: Start, client: Client, insider: Client, books: Books) -> None:
    """Routed commands come from the gateway's broker user, all others from the workers'."""
    await start("bank", "shop")
    internal = Free(order="o", account="a")
    saga = Envelope("msg_1", Free.wire_name, internal, saga="sag_1", reply_to="shop.commands")
    await client.send(saga)
    await insider.send(insider.envelope(DEPOSIT))
    await insider.send(insider.envelope(Whisper(account="a", secret="x")))
    await books.becomes(2, lambda: books.count("runtime.dead_letters"))
    assert {kind for kind, _, _ in await books.letters()} == {Free.wire_name, Deposit.wire_name}
    assert await books.count("probe.orders") == 0
    assert await books.count("probe.accounts") == 0
    await client.send(saga._replace(id="msg_2").given_up())
    await books.becomes(3, lambda: books.count("runtime.dead_letters"))
    assert await books.count("runtime.inbox") == 0
    await insider.send(saga)
    await insider.send(insider.envelope(DEPOSIT)._replace(attempt=2))
    await books.becomes(1, lambda: books.count("probe.orders"))
    await books.becomes(1, lambda: books.amount("a"))


async def test_a_command_in_another_domains_queue_is_not_handled(start: Start, client: Client, books: Books) -> None:
    await start("bank", "shop")
    await client.send(client.envelope(DEPOSIT), queue="shop.commands")
    await books.becomes(1, lambda: books.count("runtime.dead_letters"))
    assert await books.count("probe.accounts") == 0


async def test_events_wait_for_those_who_hear_them(start: Start, client: Client, books: Books) -> None:
    await start("bank")
    envelopes = [client.envelope(Deposit(account=f"a{n}", amount=1)) for n in range(200)]
    await client.send(*envelopes)
    for envelope in envelopes:
        await client.final(envelope)
    await start("press")
    await books.becomes(200, lambda: books.count("probe.notes"))


async def test_queries_are_answered_without_a_trace(start: Start, client: Client, books: Books) -> None:
    await start("bank")
    await books.put("a", 7)
    asked = [client.envelope(GetAccount(account="a")) for _ in range(20)]
    await client.send(*asked)
    for envelope in asked:
        reply = await client.final(envelope)
        assert reply.result == {"id": "a", "amount": 7}
    assert await books.count("runtime.inbox") == 0


async def test_two_domains_hear_the_same_event_in_one_process(start: Start, client: Client, books: Books) -> None:
    await start()
    await client.ask(DEPOSIT)
    await books.becomes(2, lambda: books.count("probe.notes"))
    heard = await books.rows("SELECT split_part(id, '_', 1) FROM probe.notes ORDER BY id")
    assert heard == [("museum",), ("press",)]
