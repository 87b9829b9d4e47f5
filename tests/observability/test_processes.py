"""What the processes show of themselves: traces from HTTP to SQL, metrics, readable logs, health."""

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from contracts.cards import TokenizeCard
from tests.observability.collector import Collector, collecting
from tests.people import Person
from tests.system import System, Systems, eventually
from tests.workers.client import Client
from tests.workers.conftest import free_port, vhost, worker_settings

__all__ = ["vhost", "worker_settings"]


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
async def system(systems: Systems, collector: Collector) -> AsyncIterator[System]:
    told = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "INVARIANTS_EVERY_SECONDS": "1",
    }
    async with systems.running("observed", split=True, gateways=1, settings=told) as system:
        yield system


@pytest.fixture(scope="module")
async def ani(system: System) -> AsyncIterator[Person]:
    async with aiohttp.ClientSession() as http:
        yield await Person(http, system.gateways).join()


async def test_one_trace_from_the_request_to_the_transaction(ani: Person, collector: Collector) -> None:
    trace = secrets.token_hex(16)
    context = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    answer = await ani.post("/v1/wallets", {"currency": "IDR"}, headers=context)
    assert answer.status == 201
    request = await collector.named("POST /v1/wallets", trace)
    handled = await collector.named("handle ledger.OpenWallet.v1", trace)
    saved = await collector.named("postgresql transaction", trace)
    assert (request.service, handled.service) == ("saldo-gateway", "saldo-workers")
    assert handled.parent == request.id
    assert saved.parent == handled.id
    assert handled.attributes["messaging.destination.name"] == "ledger.commands"


async def test_a_saga_is_one_trace_over_several_processes(ani: Person, collector: Collector) -> None:
    trace = secrets.token_hex(16)
    context = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    wallet, other = await ani.open(), await ani.open()
    answer = await ani.transfer(wallet, other, 1, headers=context)
    assert answer.code == "insufficient_funds"
    requested = await collector.named("handle transfers.RequestTransfer.v1", trace)
    held = await collector.named("handle ledger.PlaceHold.v1", trace)
    answered = await collector.named("handle operations.Reply.v1", trace)
    assert held.parent == requested.id
    assert answered.parent == held.id


async def test_no_trace_holds_the_number_of_a_card(ani: Person, collector: Collector, system: System) -> None:
    trace = secrets.token_hex(16)
    context = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    card = (await ani.post("/v1/cards", await _wish(ani), headers=context)).json
    checkout = await Client(system.servers.gateway_amqp).start()
    for month in (card["exp_month"], card["exp_month"] % 12 + 1):
        data = TokenizeCard(pan=card["pan"], cvv=card["cvv"], exp_month=month, exp_year=card["exp_year"])
        await checkout.ask(data, "mer_1", traceparent=context["traceparent"])
    await checkout.stop()
    assert (await ani.get(f"/v1/cards/{card['pan']}", headers=context)).status == 404
    for name in ("handle cards.EmbossCard.v1", "handle cards.TokenizeCard.v1", "GET /v1/cards/{card_id}"):
        await collector.named(name, trace)
    assert not [export for export in collector.exports if card["pan"].encode() in export]


async def _wish(ani: Person) -> dict[str, str]:
    return {"wallet_id": await ani.open(), "brand": "visa", "type": "debit"}


async def test_metrics_tell_of_messages_batches_sagas_and_invariants(ani: Person, system: System) -> None:
    await ani.post("/v1/wallets", {"currency": "IDR"})
    ledger = await _metrics(system, "workers-ledger")
    assert ledger["saldo_messages_handled_total", "ledger.OpenWallet.v1", "succeeded"] >= 1
    assert ledger["saldo_batch_messages_count",] >= 1
    assert ledger["saldo_queue_age_seconds_count", "ledger"] >= 1
    gateway = await _metrics(system, "gateway")
    assert any("/v1/wallets" in labels for labels in gateway)


async def test_the_ledger_measures_its_invariants(ani: Person, system: System) -> None:
    await ani.open(funds=10_000)
    measured: dict[tuple[str, ...], float] = {}

    async def measures() -> bool:
        found = await _metrics(system, "workers-ledger")
        measured.update({labels: value for labels, value in found.items() if labels[0] == "saldo_ledger_invariant"})
        return any("IDR" in labels for labels in measured)

    await eventually("rupiahs are measured", 20, measures)
    assert set(measured.values()) == {0.0}


async def test_ready_means_ready(system: System) -> None:
    async with aiohttp.ClientSession() as http:
        for process in system._processes.values():
            async with http.get(process.ready_url) as answer:
                assert answer.status == 200, process.name
            async with http.get(process.ready_url.replace("readyz", "livez")) as answer:
                assert answer.status == 200, process.name


async def test_every_log_line_is_json_with_a_trace_and_without_secrets(ani: Person, system: System) -> None:
    await ani.get("/v1/wallets")
    await asyncio.sleep(0.5)
    for name, log in system.logs().items():
        events = [json.loads(line) for line in log.splitlines() if line.strip()]
        assert all("event" in event or "message" in event for event in events), name
        assert ani.password not in log
        assert ani.token is not None
        assert ani.token not in log
    gateway = next(log for name, log in system.logs().items() if name.startswith("gateway"))
    assert re.search(r'"trace_id": ?"[0-9a-f]{32}"', gateway)


async def test_a_worker_that_still_waits_for_the_database_lives_and_stops_when_told(
    worker_settings: dict[str, Any],
) -> None:
    port = free_port()
    told = worker_settings | {"database_url": "postgresql://nobody@127.0.0.1:1/nowhere", "metrics_port": port}
    environment = {name.upper(): one if isinstance(one, str) else json.dumps(one) for name, one in told.items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "workers", "all", env=os.environ | environment)
    async with aiohttp.ClientSession() as http:
        assert await _status(http, f"http://127.0.0.1:{port}/livez") == 200
        assert await _status(http, f"http://127.0.0.1:{port}/readyz") == 503
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def _status(http: aiohttp.ClientSession, url: str) -> int:
    for _ in range(200):
        with suppress(aiohttp.ClientError):
            async with http.get(url) as answer:
                return answer.status
        await asyncio.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.parametrize("module", ["gateway", "workers", "sandbox"])
def test_a_process_that_is_told_nothing_says_what_it_needs(module: str) -> None:
    arguments = ["all"] if module == "workers" else []
    result = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={"PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    needed = {"gateway": "OPERATION_ID_KEY", "workers": "DATABASE_URL", "sandbox": "PROVIDER_KEY"}[module]
    assert needed in result.stderr


async def _metrics(system: System, name: str) -> dict[tuple[str, ...], float]:
    url = system._processes[name].ready_url.replace("readyz", "metrics")
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        text = await answer.text()
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels, reverse=True))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
