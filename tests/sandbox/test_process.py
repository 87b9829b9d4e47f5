"""`python -m sandbox` as a process: settings, logs, and how it stops."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from aiohttp import ClientSession

from tests.system import eventually

KEY = "sandbox-process-key"
ROOT = Path(__file__).parents[2]
BODY = {"reference": "top_1", "method": "card", "amount": 4008, "currency": "IDR"}


async def start(**environment: str) -> Process:
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", cwd=ROOT, env=inherited | environment, stdout=PIPE, stderr=PIPE
    )


async def started(store: Path, **environment: str) -> tuple[Process, str]:
    process = await start(PROVIDER_KEY=KEY, SANDBOX_STORE=str(store), HTTP_PORT="0", **environment)
    assert process.stderr
    while True:
        line = json.loads(await asyncio.wait_for(process.stderr.readline(), 20))
        if line["event"] == "listening":
            return process, f"http://127.0.0.1:{line['port']}"


async def charge(http: ClientSession, path: str = "/v1/charges") -> int:
    async with http.post(path, json=BODY) as answer:
        return answer.status


async def charged(http: ClientSession) -> bool:
    async with http.get("/v1/charges") as answer:
        return bool((await answer.json())["data"])


async def refused(**environment: str) -> list[str]:
    process = await start(**environment)
    out, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert out == b""
    assert b"Traceback" not in error
    return error.decode().splitlines()


async def test_a_missing_key_is_one_line(tmp_path: Path) -> None:
    assert await refused(SANDBOX_STORE=str(tmp_path / "s")) == ["sandbox: PROVIDER_KEY: is required and not set"]


async def test_each_wrong_setting_is_one_line_without_its_value() -> None:
    lines = await refused(PROVIDER_KEY="s3cr3t", HTTP_PORT="99999", BODY_LIMIT_BYTES="many")
    assert [line.split(": ")[1] for line in lines] == ["HTTP_PORT", "PROVIDER_KEY", "BODY_LIMIT_BYTES"]
    assert "s3cr3t" not in "".join(lines)


async def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        (line,) = await refused(PROVIDER_KEY=KEY, HTTP_PORT=port, SANDBOX_STORE=str(tmp_path / "s"))
    assert line.startswith(f"sandbox: HTTP_HOST, HTTP_PORT: cannot listen on 127.0.0.1 port {port}")


async def test_an_unusable_store_is_one_line(tmp_path: Path) -> None:
    no_database, newer = tmp_path / "text", tmp_path / "newer"
    no_database.write_text("not a database, but long enough to be taken for one" * 50)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for path in (tmp_path, no_database, newer):
        (line,) = await refused(PROVIDER_KEY=KEY, HTTP_PORT="0", SANDBOX_STORE=str(path))
        assert line.startswith("sandbox: SANDBOX_STORE: ")


async def test_it_finishes_what_it_took_and_logs_no_secret(tmp_path: Path) -> None:
    process, address = await started(tmp_path / "s", SLOW_ANSWER_SECONDS="1")
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Idempotency-Key": "key-1",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }
    async with ClientSession(address, headers=headers) as http:
        asking = asyncio.create_task(charge(http, "/v1/charges?secret=hidden"))
        await eventually("it is there", 20, lambda: charged(http))
        process.send_signal(signal.SIGTERM)
        assert await asking == 201
    _, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    lines = [json.loads(line) for line in error.splitlines()]
    (request,) = (line for line in lines if line["event"] == "request" and line["method"] == "POST")
    assert request["path"] == "/v1/charges"
    assert request["trace_id"] == "a" * 32
    assert lines[-1]["event"] == "stopped"
    assert KEY.encode() not in error
    assert b"hidden" not in error


async def test_it_does_not_wait_for_its_own_slowness(tmp_path: Path) -> None:
    process, address = await started(tmp_path / "s", SLOW_ANSWER_SECONDS="60", SHUTDOWN_TIMEOUT_SECONDS="1")
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "key-1"}
    async with ClientSession(address, headers=headers) as http:
        asking = asyncio.create_task(charge(http))
        await eventually("it is there", 20, lambda: charged(http))
        process.send_signal(signal.SIGINT)
        assert await asking == 201
    _, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert b"stack" not in error


async def test_a_killed_process_has_kept_its_charge(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "key-1"}
    ids = []
    for _ in range(2):
        process, address = await started(tmp_path / "s", SLOW_ANSWER_SECONDS="0")
        async with (
            ClientSession(address, headers=headers) as http,
            http.post("/v1/charges", json=BODY) as answer,
        ):
            ids.append((await answer.json())["id"])
        process.kill()
        await process.communicate()
    assert ids[0] == ids[1]
