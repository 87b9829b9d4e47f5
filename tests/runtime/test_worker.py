"""A worker process from its start to its end."""

from typing import Any

import aiohttp
import pytest

from tests.runtime.conftest import Start
from tests.runtime.said.bank import Deposit
from tests.workers.client import Client


async def test_one_whose_loop_breaks_says_why_and_closes_everything(start: Start, client: Client) -> None:
    worker = await start("bank")
    ready = f"http://127.0.0.1:{worker._settings.metrics_port}/readyz"

    async def explode(_batch: Any) -> None:
        raise ZeroDivisionError

    assert worker._consumer is not None
    worker._consumer._handle = explode  # type: ignore[assignment]
    await client.send(client.envelope(Deposit(account="a", amount=1)))
    with pytest.raises(ZeroDivisionError):
        await worker.wait()
    async with aiohttp.ClientSession() as http:
        async with http.get(ready) as answer:
            assert answer.status in (200, 503)
        await worker.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(ready)
