"""What operators see of a gateway: health, metrics, logs, traces; and how its process starts and stops."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, override

import aiohttp
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway.server import Gateway
from tests.gateway.clients import KEY, Client
from tests.gateway.conftest import Join, Start
from tests.gateway.worker import Worker
from tests.servers import Vhost

PROJECT = Path(__file__).parents[2]
DONE = {"id": "trf_1", "status": "completed"}


async def test_metrics(client: Client, worker: Worker, gateway: Gateway, http: aiohttp.ClientSession) -> None:
    worker.on("transfers.RequestTransfer", DONE)
    await client.transfer(prefer="wait=5")
    await client.get("/v1/wallets/a%20secret")
    await client.get("/nowhere/secret")
    base = f"http://127.0.0.1:{gateway.metrics_port}"
    async with http.get(f"{base}/metrics") as response:
        text = await response.text()
    assert 'saldo_http_requests_total{method="POST",route="/v1/transfers",status="201"} 1.0' in text
    assert 'route="/v1/wallets/{wallet_id}",status="404"' in text
    assert 'saldo_bundles_published_total{outcome="confirmed",queue="transfers.commands"} 1.0' in text
    assert "saldo_bundle_messages_bucket" in text
    assert "saldo_waiters 0.0" in text
    assert "saldo_http_in_flight 0.0" in text
    assert "secret" not in text
    for path, status in (("/livez", 200), ("/readyz", 200), ("/nothing", 404)):
        async with http.get(base + path) as response:
            assert response.status == status
    assert (await client.get("/metrics")).status == 404


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """An OTLP receiver and the spans that it got."""
    spans: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            spans.extend(
                span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
            )
            self.send_response(200)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()
    thread.join()
    server.server_close()


async def test_traces(worker: Worker, start: Start, join: Join, collector: tuple[str, list[Any]]) -> None:
    url, spans = collector
    incoming = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    worker.on("ledger.OpenWallet", {"id": "wal_1"})
    async with start(otel_exporter_otlp_endpoint=url) as gateway:
        await join(gateway).post("/v1/wallets", {"currency": "EUR"}, headers={"traceparent": incoming})
    span = next(span for span in spans if span.name == "POST /v1/wallets")
    assert span.trace_id.hex() == incoming[3:35]
    assert span.parent_span_id.hex() == incoming[36:52]
    told = worker.of("ledger.OpenWallet")[0].traceparent
    assert told == f"00-{incoming[3:35]}-{span.span_id.hex()}-01"


class Process:
    """`python -m gateway`."""

    def __init__(self, **variables: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway"],
            env=inherited | variables,
            cwd=PROJECT,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def ended(self, seconds: float = 20) -> tuple[int, str, str]:
        out, err = await asyncio.to_thread(self.process.communicate, timeout=seconds)
        return self.process.returncode, out, err


GOOD = {"AMQP_URL": "amqp://x", "REDIS_URL": "redis://x", "OPERATION_ID_KEY": KEY}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"AMQP_URL": ""}, "AMQP_URL: is required and not set"),
        ({"OPERATION_ID_KEY": "hunter2"}, "OPERATION_ID_KEY: must be 32 random bytes"),
        ({"HTTP_PORT": "99999"}, "HTTP_PORT: input should be less than or equal to 65535"),
        ({"TRUSTED_PROXIES": "hunter2"}, "TRUSTED_PROXIES: "),
        ({"CORS_ORIGINS": "example.com"}, "CORS_ORIGINS: "),
        ({"HTTP_HOST": "203.0.113.1"}, "HTTP_HOST, HTTP_PORT: cannot listen on 203.0.113.1"),
    ],
)
async def test_wrong_settings(variables: dict[str, str], sentence: str) -> None:
    code, _, err = await Process(**GOOD | {"METRICS_PORT": "0"} | variables).ended()
    assert code == 2
    assert f"gateway: {sentence}" in err
    assert "Traceback" not in err
    assert "hunter2" not in err


async def test_a_process_logs_json_without_secrets(
    vhost: Vhost, redis_url: str, worker: Worker, http: aiohttp.ClientSession, issuer: Any
) -> None:
    worker.on("identity.LogIn", {"access_token": "secret-token"})
    worker.on("transfers.RequestTransfer", DONE)
    process = Process(**GOOD | {
        "AMQP_URL": vhost.gateway_url, "REDIS_URL": redis_url, "HTTP_PORT": "0", "METRICS_PORT": "0",
    })  # fmt: skip
    assert process.process.stderr
    first = json.loads(await asyncio.to_thread(process.process.stderr.readline))
    assert first["event"] == "listening"
    client = Client(f"http://127.0.0.1:{first['port']}", http, issuer)
    for _ in range(400):
        if (await client.get("/readyz")).status == 200:
            break
        await asyncio.sleep(0.05)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await client.post("/v1/auth/login", {"email": "a@b.example", "password": "hunter2hunter2"}, anonymous=True)
    await client.get("/v1/wallets/x?secret=1", headers={"X-Request-Id": "mine"})
    await client.post("/v1/transfers", {"note": "hunter2"}, key="hunter2", headers={"traceparent": trace})
    waiting = asyncio.create_task(client.transfer(prefer="wait=5"))
    assert (await waiting).status == 201
    process.process.send_signal(signal.SIGTERM)
    code, out, err = await process.ended()
    assert (code, out) == (0, "")
    lines = [json.loads(line) for line in err.splitlines()]
    for hidden in ("hunter2", "secret", client.token, client.token[-20:]):
        assert hidden not in err
    accesses = {(line["method"], line["route"]): line for line in lines if line["event"] == "request"}
    line = accesses["GET", "/v1/wallets/{wallet_id}"]
    assert (line["status"], line["request_id"], line["principal"]) == (422, "mine", client.principal)
    assert line["duration_ms"] > 0
    assert accesses["POST", "/v1/transfers"]["trace_id"] in ("", trace[3:35])
    assert all(line["process"] == "gateway" for line in lines)
    assert lines[-1]["event"] == "stopped"
