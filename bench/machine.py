"""The machine and the versions that a benchmark was run on and with."""

import json
import os
import platform
import subprocess
import time
from base64 import b64encode
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

import asyncpg
import psutil
import redis

from bench.rig import Rig
from ops.local.home import PROJECT
from ops.local.rabbitmq import ADMIN, RabbitMQ

PACKAGES = ("uvloop", "uvicorn", "starlette", "pydantic", "asyncpg", "faststream", "aio-pika")
POSTGRES_SETTINGS = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size")
GIGABYTE = 1024**3
SYNCS = 50
PAGE_BYTES = 8192


async def facts(rig: Rig) -> dict[str, str]:
    """What somebody else needs to compare: name and value."""
    memory = psutil.virtual_memory().total / GIGABYTE
    settings = await _postgres(rig)
    return {
        "Processor": f"{_processor()}, {os.cpu_count()} cores, for everything: load generator, Saldo and its servers",
        "Memory": f"{memory:.0f} GB",
        "System": f"{platform.system()} {platform.release()}",
        "Disk": f"{_sync_ms(rig.home.root):.2f} ms to write 8 kB durably (median of {SYNCS})",
        "PostgreSQL": f"{settings.pop('server_version')}: {', '.join(f'{name} {it}' for name, it in settings.items())}",
        "RabbitMQ": _rabbitmq(rig),
        "Valkey": _valkey(rig),
        "Python": f"{platform.python_version()}; {', '.join(f'{name} {version(name)}' for name in PACKAGES)}",
        "Saldo": _commit(),
    }


async def _postgres(rig: Rig) -> dict[str, str]:
    connection = await asyncpg.connect(rig.owner_url)
    try:
        return {name: str(await connection.fetchval(f"SHOW {name}")) for name in POSTGRES_SETTINGS}
    finally:
        await connection.close()


def _rabbitmq(rig: Rig) -> str:
    broker = RabbitMQ(rig.home)
    token = b64encode(f"{ADMIN}:{broker.password(ADMIN)}".encode()).decode()
    request = Request(f"{broker.management_url}/api/overview", headers={"Authorization": f"Basic {token}"})  # noqa: S310 - our own
    with urlopen(request, timeout=10) as response:  # noqa: S310 - our own
        overview = json.load(response)
    return f"{overview['rabbitmq_version']} on Erlang {overview['erlang_version']}, quorum queues, one node"


def _valkey(rig: Rig) -> str:
    with redis.Redis.from_url(rig.servers.urls.redis) as client:
        told = client.info("server")
    assert isinstance(told, dict)
    return str(told.get("valkey_version", told["redis_version"]))


def _processor() -> str:
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _sync_ms(folder: Path) -> float:
    """How long the disk takes to make a page durable: what each commit waits for."""
    times = []
    file = folder / "sync"
    with file.open("wb", buffering=0) as output:
        for _ in range(SYNCS):
            started = time.perf_counter()
            output.write(bytes(PAGE_BYTES))
            os.fsync(output.fileno())
            times.append(time.perf_counter() - started)
    file.unlink()
    return median(times) * 1000


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    told = ""
    with suppress(FileNotFoundError):
        told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()
    return told or f"{version('saldo')}, not from a repository"
