"""What a gateway bounds: requests by caller and in all, places, heads, bodies, and the time that they take."""

import asyncio
from contextlib import AsyncExitStack

from tests.gateway.clients import Client, until
from tests.gateway.conftest import Join, Start
from tests.gateway.raw import exchange
from tests.gateway.worker import Worker

POST = "/v1/transfers"


async def test_the_order_of_checks(worker: Worker, start: Start, join: Join) -> None:
    async with start(rate_limit_per_minute=7) as gateway:
        nobody, stranger = join(gateway), join(gateway, roles=["support"])
        stranger.token = join(gateway, subject=stranger.principal, roles=[]).token
        large, form = b"{" + b" " * 70_000, {"Content-Type": "text/plain"}

        # Each request is wrong in all later ways too: bad scope, size, key, JSON, fields.
        answer = await nobody.call("PUT", POST, large, key="", headers=form, anonymous=True)
        assert answer.status == 405
        answer = await nobody.call("POST", POST, large, key="", headers=form, anonymous=True)
        assert answer.status == 401
        answer = await stranger.post(POST, large, key="", headers=form)
        assert answer.status == 403
        answer = await nobody.post(POST, large, key="", headers=form)
        assert answer.status == 413
        answer = await nobody.post(POST, b"{", key="", headers=form)
        assert answer.status == 415
        answer = await nobody.post(POST, b"{", key="")
        assert (answer.status, answer.code) == (400, "idempotency_key_invalid")
        answer = await nobody.post(POST, b"{")
        assert (answer.status, answer.code) == (400, "idempotency_key_missing")
        answer = await nobody.post(POST, b"{", key="k")
        assert (answer.status, answer.code) == (400, "malformed_json")
        answer = await nobody.post(POST, b"{}", key="k")
        assert answer.status == 422
        for _ in range(10):
            answer = await stranger.post(POST, large, key="", headers=form)
        assert (answer.status, answer.code) == (429, "rate_limited")
    assert not worker.of("transfers.RequestTransfer")


async def test_slow_bodies(start: Start, join: Join) -> None:
    async with start(body_timeout_seconds=0.3) as gateway:
        head = (
            f"POST {POST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {join(gateway).token}\r\nIdempotency-Key: k\r\n"
            "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n"
        )
        answer = await exchange(gateway.port, head.encode(), b"{")
        assert answer.startswith(b"HTTP/1.1 408 ")


async def test_slow_and_large_heads(start: Start) -> None:
    async with start(head_timeout_seconds=1.5) as gateway:
        assert await exchange(gateway.port, b"GET /livez HTTP/1.1\r\nHost: x\r\n") == b""
        assert await exchange(gateway.port) == b""
        large = b"GET /livez HTTP/1.1\r\n" + b"X-Y: " + b"y" * 40_000
        assert (await exchange(gateway.port, large + b"\r\n\r\n")).startswith(b"HTTP/1.1 431 ")
        assert (await exchange(gateway.port, large, large)).startswith(b"HTTP/1.1 431 ")
        good = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await exchange(gateway.port, good, large + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 431 " in answer
        # What is sent in time is answered, however it is cut.
        pieces = [good[at : at + 7] for at in range(0, len(good), 7)]
        last = b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n"
        assert (await exchange(gateway.port, *pieces, last)).count(b"HTTP/1.1 200 ") == 2


async def test_nobody_has_all_the_places(worker: Worker, start: Start, join: Join) -> None:
    worker.on("ledger.ListWallets", {"data": [], "has_more": False, "next": None})
    async with start(in_flight_limit=4, in_flight_limit_per_caller=2) as gateway:
        ani, budi = join(gateway), join(gateway)
        waiting = [asyncio.create_task(ani.transfer(prefer="wait=30")) for _ in range(2)]
        await until(lambda: len(worker.of("transfers.RequestTransfer")) == 2)
        answer = await ani.get("/v1/wallets")
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "rate_limited", "1")
        assert "RateLimit" in answer.headers
        assert (await budi.get("/v1/wallets")).status == 200
        await worker.finish(worker.of("transfers.RequestTransfer")[0].id, {"id": "trf_1"})
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert (await ani.get("/v1/wallets")).status == 200
        await worker.finish(worker.of("transfers.RequestTransfer")[1].id, {"id": "trf_2"})
        assert {(await one).status for one in waiting} == {201}


async def test_event_streams_take_places_of_their_own(worker: Worker, start: Start, join: Join) -> None:
    worker.on("ledger.ListWallets", {"data": [], "has_more": False, "next": None})
    async with start(in_flight_limit=2, streams_limit=3, streams_limit_per_caller=2) as gateway:
        ani, budi = join(gateway), join(gateway)
        async with AsyncExitStack() as streams:

            async def follow(client: Client, operation: str) -> int:
                headers = {"Authorization": f"Bearer {client.token}"}
                answer = client.session.get(f"{client.url}{operation}/events", headers=headers)
                return (await streams.enter_async_context(answer)).status

            anis = (await ani.transfer()).headers["Location"]
            budis = (await budi.transfer()).headers["Location"]
            assert [await follow(ani, anis) for _ in range(3)] == [200, 200, 429]
            assert [await follow(budi, budis) for _ in range(2)] == [200, 503]
            for client in (ani, budi):
                assert (await client.get("/v1/wallets")).status == 200, "streams are no requests in flight"
        # Who hangs up, or is refused, or finds nothing, leaves the place.
        await until(lambda: gateway.instance.metrics.registry.get_sample_value("saldo_http_streams") == 0)
        for _ in range(3):
            assert (await ani.get("/v1/operations/op_none/events")).status == 404
            assert (await ani.call("HEAD", f"{anis}/events")).status == 200


async def test_too_many_in_flight(worker: Worker, start: Start, join: Join) -> None:
    async with start(in_flight_limit=3) as gateway:
        client = join(gateway)
        waiting = [asyncio.create_task(client.transfer(prefer="wait=30")) for _ in range(3)]
        await until(lambda: len(worker.of("transfers.RequestTransfer")) == 3)
        answer = await client.transfer()
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "busy", "1")
        assert (await client.get("/livez")).status == 200
        for asked in worker.of("transfers.RequestTransfer"):
            await worker.finish(asked.id, {"id": "trf_1"})
        assert [answer.status for answer in await asyncio.gather(*waiting)] == [201] * 3
