"""`python -m workers ledger transfers …`: host these domains until told to stop."""

import argparse
import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import uvloop
from pydantic import ValidationError

from contracts import ids
from workers import roles
from workers.callbacks import memory
from workers.cards import upkeep
from workers.identity import forgetting
from workers.ledger import chart, verification
from workers.payments import policy
from workers.payments.policy import Policy
from workers.provider import routing
from workers.reconciliation import clock
from workers.runtime import unknowns
from workers.runtime.roster import Domain
from workers.runtime.settings import Settings
from workers.runtime.telemetry import configure_logs, configure_traces
from workers.runtime.worker import Periodic, Worker
from workers.withdrawals import terms

GC_THRESHOLD = 100_000
FORGET_SECONDS = 3600.0


def main() -> None:
    """Parse the arguments, check the settings, run."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("domains", nargs="+", choices=["all", *roles.ALL], help="the domains to host")
    domains = roles.chosen(parser.parse_args().domains)
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            print(f"workers: {name}: {problem['msg']}", file=sys.stderr)
        sys.exit(2)
    configure_logs(settings.log_level)
    configure_traces(settings.otel_exporter_otlp_endpoint, "saldo-workers")
    uvloop.run(_run(settings, domains))


async def _run(settings: Settings, domains: Sequence[Domain]) -> None:
    policy.use(Policy(timedelta(hours=settings.payment_authorized_hours), settings.payment_refund_fees))
    chart.use_stripe(_stripe() if settings.stripe is None else settings.stripe)
    routing.use(settings.provider_routes)
    terms.use(settings.withdrawal_grace_seconds, settings.withdrawal_daily_limits, settings.withdrawal_terms)
    hosted = {domain.name for domain in domains}
    periodic: dict[str, Periodic] = {
        "ledger": (settings.invariants_every_seconds, verification.measure),
        "reconciliation": (clock.EVERY_SECONDS, clock.tick),
        "identity": (FORGET_SECONDS, forgetting.forget),
        "topups": (unknowns.EVERY_SECONDS, unknowns.measured("topups", "topups.topups")),
        "withdrawals": (unknowns.EVERY_SECONDS, unknowns.measured("withdrawals", "withdrawals.withdrawals")),
        "callbacks": (memory.SWEEP_SECONDS, partial(memory.forget, after_days=settings.callback_retention_days)),
        "cards": (upkeep.SWEEP_SECONDS, upkeep.sweep),
    }
    worker = Worker(settings, domains, {name: task for name, task in periodic.items() if name in hosted})
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    told = asyncio.create_task(stopping.wait())
    try:
        await _unless(told, worker.start())
        # What exists now lives as long as we do, and a batch leaves next to no cycles: the collector looks rarely.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 100)
        if not told.done():
            await _unless(told, worker.wait())
    finally:
        await worker.stop()


async def _unless(told: asyncio.Task[Any], work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it is done or we are told to stop. Raises what it does."""
    task = asyncio.create_task(work)
    await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
    if not task.cancel():
        task.result()
    await asyncio.gather(task, return_exceptions=True)


def _stripe() -> int:
    """A stripe of the system accounts for this process: a clash only costs speed."""
    return ids.digest(socket.gethostname(), str(os.getpid()), size=1)[0] % chart.STRIPES


if __name__ == "__main__":
    main()
