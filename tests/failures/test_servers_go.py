"""The broker, the database and Redis go away under load and come back."""

import asyncio

import aiohttp
import pytest

from tests.failures.conftest import Machines
from tests.failures.reckoning import reckon
from tests.failures.traffic import Traffic
from tests.people import Person
from tests.system import System, eventually

pytestmark = pytest.mark.timeout(300)


async def test_a_killed_broker_loses_no_promise(system: System, traffic: Traffic, machines: Machines) -> None:
    async with traffic:
        await asyncio.to_thread(machines.broker.kill)
        await asyncio.sleep(1)
        await asyncio.to_thread(machines.broker.start)
        await traffic.flows()
    assert any(order.troubles for order in traffic.orders)
    await system.ready()
    await reckon(system, traffic)


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_lost_database_is_waited_out(system: System, traffic: Traffic, machines: Machines, how: str) -> None:
    async with traffic:
        await asyncio.to_thread(getattr(machines.postgres, how))
        await asyncio.sleep(2)
        await asyncio.to_thread(machines.postgres.start)
        await traffic.flows()
    await system.ready()
    await reckon(system, traffic)


async def test_without_redis_money_moves_and_nobody_logs_in(
    system: System, traffic: Traffic, machines: Machines, http: aiohttp.ClientSession
) -> None:
    person = traffic.wallets[0][0]
    stranger = Person(http, system.gateways)
    credentials = {"email": person.email, "password": person.password}
    async with traffic:
        await asyncio.to_thread(machines.redis.kill)
        try:
            await traffic.flows(200)
            refused = await stranger.post("/v1/auth/login", credentials)
            assert (refused.status, refused.code) == (503, "busy")
            about = {"email": stranger.email, "password": stranger.password, "first_name": "A", "last_name": "B"}
            assert (await stranger.post("/v1/auth/register", about)).status == 503
            # The rest goes on: what guards it besides is counted in the database.
            assert (await stranger.post("/v1/auth/password/forgot", {"email": stranger.email})).status == 204
            change = {"current_password": person.password, "new_password": f"{person.password}2"}
            assert (await person.post("/v1/auth/password", change)).status == 204
            credentials["password"] = change["new_password"]
        finally:
            await asyncio.to_thread(machines.redis.start)
        await traffic.flows()

    async def logged_in() -> bool:
        return (await stranger.post("/v1/auth/login", credentials)).status == 200

    await eventually("people log in again", 10, logged_in)
    await reckon(system, traffic)
