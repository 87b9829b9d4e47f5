"""Several gateways behind one broker, and what happens when the broker or Redis misbehaves."""

import asyncio
import json
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from contracts.bus import Bus, NotSent, Unconfirmed
from contracts.topology import commands
from gateway.server import Gateway
from tests.gateway.clients import Client, until
from tests.gateway.conftest import Join, Start
from tests.gateway.worker import Worker
from tests.servers import Vhost, Vhosts
from tests.system import eventually

TRANSFER = "transfers.RequestTransfer"
DONE = {"id": "trf_1", "status": "completed"}
NEVER_ASKS = {"ask_again_seconds": 3600}


@pytest.mark.parametrize("with_redis", [True, False])
async def test_submit_at_one_and_wait_at_the_other(
    worker: Worker, start: Start, join: Join, *, with_redis: bool
) -> None:
    # Told through Redis; without it, the next question to the workers finds out.
    alone = {"redis_url": "redis://127.0.0.1:1/0", "ask_again_seconds": 0.2}
    options = NEVER_ASKS if with_redis else alone
    async with start(**options) as one, start(**options) as two:
        here = join(one)
        there = join(two, subject=here.principal)
        accepted = await here.transfer()
        poll = await there.get(accepted.headers["Location"])
        assert (poll.status, poll.json["status"]) == (200, "pending")
        waiting = asyncio.create_task(there.get(accepted.headers["Location"], prefer="wait=30"))
        await asyncio.sleep(0.3)
        await worker.finish(accepted.json["id"], DONE)
        answer = await asyncio.wait_for(waiting, 2.5)
        assert (answer.json["status"], answer.json["result"]) == ("succeeded", DONE)


async def test_who_waits_elsewhere_hears_of_an_outcome_that_its_caller_has(
    worker: Worker, start: Start, join: Join, redis_url: str
) -> None:
    async with start(**NEVER_ASKS) as one, start(**NEVER_ASKS) as two, Redis.from_url(redis_url) as redis:
        here = join(one)
        there = join(two, subject=here.principal)
        asked = asyncio.create_task(here.transfer("k", prefer="wait=30"))
        await until(lambda: worker.of(TRANSFER))
        operation = (await there.transfer("k")).json["id"]
        waiting = asyncio.create_task(there.get(f"/v1/operations/{operation}", prefer="wait=30"))
        await asyncio.sleep(0.3)
        await worker.finish(operation, DONE)
        assert (await asyncio.wait_for(waiting, 2.5)).json["result"] == DONE
        assert (await asked).status == 201
        assert not await redis.exists(f"saldo:outcome:{operation}"), "nobody will poll for it"


async def test_repeat_at_another_gateway(worker: Worker, start: Start, join: Join) -> None:
    async with start() as one, start() as two:
        here = join(one)
        there = join(two, subject=here.principal)
        worker.on(TRANSFER, DONE)
        first = await here.transfer("k", prefer="wait=5")
        again = await there.transfer("k", prefer="wait=5")
        assert (again.status, again.json, again.headers["Idempotency-Replayed"]) == (201, first.json, "true")
        assert (await there.transfer("k", amount=5)).code == "idempotency_key_reused"


async def test_outcomes_are_served_from_redis(client: Client, worker: Worker, redis_url: str) -> None:
    worker.on(TRANSFER, DONE)
    answer = await client.transfer()
    async with Redis.from_url(redis_url) as redis:
        await eventually("it is kept", 20, lambda: redis.exists(f"saldo:outcome:{answer.json['id']}"))
    worker.muted = True
    poll = await client.get(answer.headers["Location"])
    assert poll.json["status"] == "succeeded"
    misused = await client.get(answer.headers["Location"].replace("op_", "op_0"))
    assert misused.status == 503


async def test_misuse_is_never_kept_as_an_outcome(client: Client) -> None:
    accepted = await client.transfer("k")
    assert (await client.transfer("k", amount=5)).status == 422
    await asyncio.sleep(0.2)
    assert (await client.get(accepted.headers["Location"])).json["status"] == "pending"


async def test_a_lost_connection_is_found_again(
    vhost: Vhost, vhosts: Vhosts, worker: Worker, start: Start, join: Join
) -> None:
    async with start(ask_again_seconds=3600) as gateway:
        client = join(gateway)
        accepted = await client.transfer()
        waiting = asyncio.create_task(client.get(accepted.headers["Location"], prefer="wait=30"))
        await asyncio.sleep(0.2)
        name = f"gateway {gateway.instance.name}"
        assert await vhosts.drop_connections(vhost, name) == 1
        # The outcome is told while nobody listens.
        worker.operations[accepted.json["id"]].answer = DONE
        # After a reconnect every waiter asks again.
        assert (await asyncio.wait_for(waiting, 20)).json["status"] == "succeeded"
        worker.on(TRANSFER, DONE)
        assert (await client.transfer(prefer="wait=10")).status == 201


async def test_a_lost_reply_queue_is_declared_again(worker: Worker, start: Start, join: Join) -> None:
    worker.on(TRANSFER, DONE)
    async with start(echo_seconds=0.3) as gateway:
        client = join(gateway)
        replies = gateway.instance._replies
        lost = replies._channel
        assert lost is not None
        await lost.queue_delete(replies.name)
        await until(lambda: replies._channel is not lost)
        await until(lambda: not gateway.instance.missing)
        assert (await client.transfer(prefer="wait=10")).status == 201


async def test_a_gateway_that_is_cut_off_believes_no_token(
    vhosts: Vhosts, start: Start, join: Join, issuer: Any
) -> None:
    vhost = await vhosts.create()
    worker = Worker(vhost.workers_url, issuer)
    await worker.start()
    try:
        worker.on(TRANSFER, DONE)
        async with start(amqp_url=vhost.gateway_url, echo_seconds=0.3) as gateway:
            client = join(gateway)
            done = (await client.transfer(prefer="respond-async")).headers["Location"]
            await until(lambda: worker.operations)
            assert (await client.get(done, prefer="wait=5")).status == 200
            await worker.stop()
            await vhosts.delete(vhost)
            await until(lambda: "access" in gateway.instance.missing)
            # Redis knows the outcome, but nobody who may see it.
            answer = await client.get(done)
            assert (answer.status, answer.code) == (503, "busy")
    finally:
        await worker.stop()


async def test_a_lost_confirm(gateway: Gateway, client: Client, worker: Worker, monkeypatch: Any) -> None:
    worker.muted = True

    async def lost(*_: Any, **__: Any) -> None:
        await asyncio.sleep(0.1)
        raise Unconfirmed

    monkeypatch.setattr(gateway.instance.bus, "publish", lost)
    for prefer in (None, "wait=10"):
        answer = await client.transfer("k", prefer=prefer)
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "outcome_unknown", "1")
    monkeypatch.undo()
    worker.muted = False
    worker.on(TRANSFER, DONE)
    assert (await client.transfer("k", prefer="wait=10")).status == 201


async def test_a_late_confirm_is_waited_for(start: Start, join: Join, worker: Worker, monkeypatch: Any) -> None:
    async def late(*_: Any, **__: Any) -> None:
        await asyncio.sleep(1.5)

    async with start(acceptance_wait_seconds=0.25) as gateway:
        worker.muted = True
        monkeypatch.setattr(gateway.instance.bus, "publish", late)
        for prefer in (None, "wait=1"):
            began = time.monotonic()
            assert (await join(gateway).transfer(prefer=prefer)).status == 202
            assert time.monotonic() - began > 1.4


async def test_what_was_not_sent(gateway: Gateway, client: Client, monkeypatch: Any) -> None:
    async def refused(*_: Any, **__: Any) -> None:
        raise NotSent

    monkeypatch.setattr(gateway.instance.bus, "publish", refused)
    for answer in (await client.transfer(), await client.get("/v1/wallets")):
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "busy", "1")


async def test_no_queue_takes_it(vhosts: Vhosts, start: Start, join: Join, issuer: Any) -> None:
    # A vhost of its own, for it is broken here.
    vhost = await vhosts.create()
    worker = Worker(vhost.workers_url, issuer)
    await worker.start()
    try:
        async with start(amqp_url=vhost.gateway_url) as gateway:
            client = join(gateway)
            await vhosts.call("DELETE", f"queues/{vhost.name}/{commands('transfers')}")
            answer = await client.transfer()
            assert (answer.status, answer.code) == (503, "busy")
            assert (await client.post("/v1/wallets", {"currency": "EUR"}, prefer="wait=0")).status == 202
    finally:
        await worker.stop()
        await vhosts.delete(vhost)


async def test_not_ready_before_a_worker_answers(vhosts: Vhosts, start: Start, join: Join, issuer: Any) -> None:
    vhost = await vhosts.create()
    worker = Worker(vhost.workers_url, issuer)
    try:
        async with start(ready=False, amqp_url=vhost.gateway_url, query_timeout_seconds=0.5) as gateway:
            client = join(gateway)
            await until(lambda: gateway.instance.bus.ready and gateway.instance.missing == ["signing_keys", "access"])
            answer = await client.get("/readyz")
            assert (answer.status, answer.json["missing"]) == (503, ["signing_keys", "access"])
            assert (await client.get("/livez")).status == 200
            assert (await client.transfer()).code == "busy"
            assert (await client.get("/.well-known/jwks.json")).code == "busy"
            await worker.start()
            await until(lambda: not gateway.instance.missing)
            assert (await client.get("/readyz")).json == {"status": "ready", "missing": []}
            assert (await client.transfer()).status == 202
    finally:
        await worker.stop()
        await vhosts.delete(vhost)


async def test_what_a_gateway_cannot_read_does_not_end_it(worker: Worker, start: Start, join: Join) -> None:
    """As when gateway and workers are of versions that don't understand each other, for a while."""
    worker.access = {"roles": 5}
    worker.keys = {"keys": None}
    async with start(ready=False, keys_reload_seconds=0.1) as gateway:
        await until(lambda: worker.of("identity.GetAccess") and worker.of("identity.GetSigningKeys"))
        await asyncio.sleep(0.3)
        assert (await join(gateway).get("/readyz")).json["missing"] == ["signing_keys", "access"]
        worker.access, worker.keys = {"roles": [], "users": [], "sessions": []}, {}
        await until(lambda: not gateway.instance.missing)
        assert (await join(gateway).transfer()).status == 202


async def test_whatever_goes_wrong_in_connecting_is_tried_again(start: Start, join: Join, monkeypatch: Any) -> None:
    attempts: list[Bus] = []
    connect = Bus.start

    async def fails_once(bus: Bus) -> None:
        await connect(bus)
        attempts.append(bus)
        if len(attempts) == 1:
            raise RuntimeError

    monkeypatch.setattr(Bus, "start", fails_once)
    async with start() as gateway:
        assert len(attempts) == 2
        assert (await join(gateway).transfer()).status == 202


async def test_the_broker_is_away_at_start(start: Start, join: Join) -> None:
    async with start(ready=False, amqp_url="amqp://gateway:x@127.0.0.1:1/x") as gateway:
        await asyncio.sleep(0.3)
        answer = await join(gateway).get("/readyz")
        assert (answer.status, answer.json["missing"]) == (503, ["broker", "replies", "signing_keys", "access"])


async def test_messages_of_one_moment_leave_together(client: Client, worker: Worker) -> None:
    worker.on(TRANSFER, DONE)
    await client.transfer(prefer="wait=5")
    worker.bundles.clear()
    answers = await asyncio.gather(*(client.transfer(prefer="wait=10") for _ in range(60)))
    assert {answer.status for answer in answers} == {201}
    assert len(worker.bundles) < 30
    assert sum(worker.bundles) >= 60


async def test_envelopes(client: Client, worker: Worker) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await client.post(
        "/v1/transfers",
        {"source": {"wallet_id": "a"}, "destination": {"email": "B@c.example"}, "amount": 5, "currency": "EUR"},
        key="k",
        headers={"traceparent": trace},
    )
    envelope = worker.of(TRANSFER)[0]
    assert envelope.id == envelope.operation
    assert (envelope.traceparent, envelope.attempt) == (trace, 1)
    assert envelope.reply_to is not None
    assert envelope.reply_to.startswith("gateway.")
    assert abs(envelope.sent_at - time.time()) < 10
    assert isinstance(envelope.body, dict)
    assert envelope.body["destination"]["email"] == "b@c.example"


async def test_events(client: Client, worker: Worker) -> None:
    accepted = await client.transfer()
    url = client.url + accepted.headers["Location"] + "/events"
    async with client.session.get(url, headers={"Authorization": f"Bearer {client.token}"}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert await response.content.readline() == b"retry: 1000\n"
        assert json.loads(await event(response.content))["status"] == "pending"
        await worker.finish(accepted.json["id"], DONE)
        last = json.loads(await event(response.content))
        assert (last["status"], last["result"]) == ("succeeded", DONE)
        assert await response.content.read() == b""
    again = await client.get(accepted.headers["Location"] + "/events")
    assert again.body.count(b"event: operation") == 1


async def event(content: Any) -> bytes:
    async with asyncio.timeout(5):
        line = b""
        while not line.startswith(b"data: "):
            line = await content.readline()
        await content.readline()
        return line.removeprefix(b"data: ")


async def test_events_beat_and_end(start: Start, join: Join) -> None:
    async with start(events_heartbeat_seconds=0.2, events_max_seconds=0.7) as gateway:
        client = join(gateway)
        accepted = await client.transfer()
        began = time.monotonic()
        answer = await client.get(accepted.headers["Location"] + "/events")
        assert 0.5 < time.monotonic() - began < 3
        assert answer.body.count(b": waiting\n\n") >= 2
        # Somebody who hangs up is noticed.
        url = client.url + accepted.headers["Location"] + "/events"
        async with client.session.get(url, headers={"Authorization": f"Bearer {client.token}"}) as response:
            await response.content.readline()
            response.close()
        await until(lambda: gateway.instance.operations.waiting == 0, 5)


async def test_told_twice_to_stop_it_closes_all_the_same(start: Start) -> None:
    async with start() as gateway:
        gateway.stop()
        gateway.stop()
    assert gateway.instance.bus.connection.is_closed


async def test_stopping_lets_everybody_go(start: Start, join: Join) -> None:
    async with start(drain_seconds=0.5) as gateway:
        client = join(gateway)
        waiting = asyncio.create_task(client.transfer(prefer="wait=30"))
        accepted = await client.transfer()
        polling = asyncio.create_task(client.get(accepted.headers["Location"], prefer="wait=30"))
        watching = asyncio.create_task(client.get(accepted.headers["Location"] + "/events"))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        gateway.stop()
        assert (await waiting).status == 202
        assert (await polling).json["status"] == "pending"
        assert b'"pending"' in (await watching).body
        assert 0.4 < time.monotonic() - began < 3
