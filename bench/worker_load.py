"""Load on the workers alone: bundles of commands straight to the queue, packed as a gateway packs them."""

import asyncio
import secrets
import sys
import time
from contextlib import suppress

import uvloop
from aio_pika.abc import AbstractIncomingMessage
from pydantic_core import from_json

from bench.traffic import Plan, Traffic
from bench.window import DRAIN_SECONDS_MAX, Window
from contracts import topology
from contracts.bus import Bus
from contracts.envelope import MAX_BUNDLE_MESSAGES, Caller, Envelope, encode, pack
from contracts.transfers import RequestTransfer

QUEUE = topology.commands(RequestTransfer.domain)


class Sender:
    """Keeps a number of transfers in flight; one publish at a time, with everything that has gathered meanwhile."""

    def __init__(self, plan: Plan, window: Window) -> None:
        self._traffic = Traffic(plan.wallets, plan.hot)
        self._window = window
        self._bus = Bus(plan.target, name="bench")
        self._replies = topology.replies(secrets.token_hex(4))
        self._wanted = plan.concurrency
        self._due = asyncio.Event()
        self._all_answered = asyncio.Event()
        self._started: dict[str, float] = {}

    async def run(self) -> None:
        """Send until the window is over, then wait for the last answers."""
        await self._bus.start()
        channel = await self._bus.connection.channel()
        queue = await channel.declare_queue(self._replies, exclusive=True, auto_delete=True)
        await queue.consume(self._heard, no_ack=True)
        sending = asyncio.create_task(self._send())
        await self._window.run()
        sending.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_answered.wait(), DRAIN_SECONDS_MAX)
        for _ in self._started:
            self._window.failed("no answer")
        await self._bus.stop()

    async def _send(self) -> None:
        self._due.set()
        while True:
            await self._due.wait()
            count = min(self._wanted, MAX_BUNDLE_MESSAGES)
            self._wanted -= count
            if not self._wanted:
                self._due.clear()
            for bundle in pack(encode(self._envelope()) for _ in range(count)):
                await self._bus.publish(topology.COMMANDS, QUEUE, bundle)

    def _envelope(self) -> Envelope:
        transfer = self._traffic.next()
        # As unordered as those that a gateway derives from keys.
        operation = f"op_{secrets.token_hex(16)}"
        self._started[operation] = time.perf_counter()
        return Envelope(
            id=operation,
            type=RequestTransfer.wire_name,
            body=from_json(transfer.body()),
            operation=operation,
            request=f"req_{operation[3:]}",
            fingerprint=operation[3:],
            reply_to=self._replies,
            caller=Caller(transfer.source.owner),
            sent_at=time.time(),
        )

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        for reply in from_json(message.body):
            word = reply["body"]
            started = self._started.pop(reply["cause"], None) if word["status"] != "pending" else None
            if started is None:
                continue
            if word["status"] == "succeeded":
                self._window.completed(started)
            else:
                self._window.failed(str(word["problem"]))
            self._wanted += not self._window.over.is_set()
        if self._wanted:
            self._due.set()
        elif not self._started:
            self._all_answered.set()


async def run(plan: Plan) -> Window:
    """Measure."""
    window = Window(plan)
    await Sender(plan, window).run()
    return window


if __name__ == "__main__":
    measured = uvloop.run(run(Plan.model_validate_json(sys.stdin.read())))
    print(measured.result().model_dump_json(), flush=True)
