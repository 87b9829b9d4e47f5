"""Load over HTTP, lean because it shares the cores: requests from prepared parts, answers barely parsed."""

import asyncio
import secrets
import sys
import time
from collections.abc import Iterator
from typing import cast

import uvloop

from bench.traffic import Payments, Plan, Traffic
from bench.window import DRAIN_SECONDS_MAX, Window

HOST = "127.0.0.1"
WAIT_SECONDS = 10
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
FINISHED = (b"200", b"201")
DONE = (b'"completed"', b'"captured"')


def requests(plan: Plan) -> Iterator[bytes]:
    """Requests for ever, each with an Idempotency-Key that was never used before."""
    run = secrets.token_hex(8).encode()
    for number, (head, body) in enumerate(_payments(plan) if plan.keys else _transfers(plan)):
        yield b'%bIdempotency-Key: "%b-%d"\r\n\r\n%b' % (head, run, number, body.encode())


def _transfers(plan: Plan) -> Iterator[tuple[bytes, str]]:
    """Each as its wallet's owner."""
    traffic = Traffic(plan.wallets, plan.hot)
    length = len(traffic.next().body())
    heads = {owner: _head("transfers", plan.target, token, length) for owner, token in plan.tokens.items()}
    while True:
        transfer = traffic.next()
        yield heads[transfer.source.owner], transfer.body()


def _payments(plan: Plan) -> Iterator[tuple[bytes, str]]:
    """Each as a shop."""
    traffic = Payments(plan.cards, plan.keys)
    length = len(traffic.next()[1])
    heads = {key: _head("payments", plan.target, key, length) for key in plan.keys}
    while True:
        key, body = traffic.next()
        yield heads[key], body


def _head(what: str, port: str, token: str, length: int) -> bytes:
    return (
        f"POST /v1/{what} HTTP/1.1\r\n"
        f"Host: {HOST}:{port}\r\n"
        f"Authorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {length}\r\n"
        f"Prefer: wait={WAIT_SECONDS}\r\n"
    ).encode()


class Caller(asyncio.Protocol):
    """One connection, kept alive: the next transfer leaves when the last one is answered."""

    def __init__(self, sending: Iterator[bytes], window: Window) -> None:
        self._sending = sending
        self._window = window
        self._received = b""
        self._started = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take an answer once it is whole."""
        received = self._received + data if self._received else data
        body_at = received.find(HEAD_END) + len(HEAD_END)
        if body_at < len(HEAD_END) or len(received) < body_at + _content_length(received[:body_at]):
            self._received = received
            return
        self._received = b""
        self._answered(received[9:12], received[body_at:])
        if self._window.over.is_set():
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        """The end, early or not."""
        if not self._window.over.is_set():
            self._window.failed("connection lost")
        self.ended.set_result(None)

    def _send(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(next(self._sending))

    def _answered(self, status: bytes, body: bytes) -> None:
        if status in FINISHED and any(done in body for done in DONE):
            self._window.completed(self._started)
        else:
            self._window.failed(f"{status.decode()} {body[:300].decode(errors='replace')}")


def _content_length(head: bytes) -> int:
    at = head.lower().find(LENGTH)
    assert at > 0, "an answer without a length"
    return int(head[at + len(LENGTH) : head.index(b"\r\n", at)])


async def run(plan: Plan) -> Window:
    """Open all connections, and measure."""
    window, sending = Window(plan), requests(plan)
    loop = asyncio.get_running_loop()
    opening = [
        loop.create_connection(lambda: Caller(sending, window), HOST, int(plan.target)) for _ in range(plan.concurrency)
    ]
    callers = [protocol for _, protocol in await asyncio.gather(*opening)]
    await window.run()
    _, waiting = await asyncio.wait([caller.ended for caller in callers], timeout=DRAIN_SECONDS_MAX)
    for _ in waiting:
        window.failed("no answer")
    return window


if __name__ == "__main__":
    measured = uvloop.run(run(Plan.model_validate_json(sys.stdin.read())))
    print(measured.result().model_dump_json(), flush=True)
