"""`kill -9` of a gateway under load: its clients repeat their requests at the other one."""

import pytest

from tests.failures.reckoning import reckon
from tests.failures.traffic import Traffic
from tests.system import System

pytestmark = pytest.mark.timeout(300)


async def test_a_killed_gateway_takes_no_promise_with_it(system: System, traffic: Traffic) -> None:
    async with traffic:
        for name in ("gateway", "gateway-2"):
            await system.kill(name)
            await traffic.flows()
            await system.start(name)
            await traffic.flows()
    assert any(order.troubles for order in traffic.orders)
    await reckon(system, traffic)
