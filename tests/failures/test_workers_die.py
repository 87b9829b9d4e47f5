"""`kill -9` of workers in the middle of their batches, under load."""

import asyncio

import pytest

from tests.failures.reckoning import reckon
from tests.failures.traffic import Traffic
from tests.system import System

# Who has work in this traffic; all domains in one process are just "workers".
BUSY = ("workers", "cards", "ledger", "merchants", "payments", "transfers")

pytestmark = pytest.mark.timeout(300)


async def test_a_worker_killed_in_mid_batch_loses_and_doubles_nothing(system: System, traffic: Traffic) -> None:
    victims = [name for name in system.workers if name.removeprefix("workers-") in BUSY]
    async with traffic:
        for victim in victims:
            await system.kill(victim)
            await system.start(victim)
            await traffic.flows()
    await reckon(system, traffic)


async def test_all_workers_killed_at_once_take_up_where_they_were(system: System, traffic: Traffic) -> None:
    async with traffic:
        await asyncio.gather(*(system.kill(name) for name in system.workers))
        await asyncio.sleep(1)
        await system.start(*system.workers)
        await traffic.flows()
    await reckon(system, traffic)


async def test_a_worker_told_to_stop_finishes_what_it_took(system: System, traffic: Traffic) -> None:
    async with traffic:
        await asyncio.gather(*(system.stop(name) for name in system.workers))
        await system.start(*system.workers)
        await traffic.flows()
    await reckon(system, traffic)
