"""A probe worker as a process of its own: `python -m tests.runtime.process bank shop`.

`PROBE_KILLER` names an account whose deposits and charges take the process with them, `PROBE_DEATHS` how many deaths
a suspect may cause; `PROBE_PAUSE` makes each deposit wait.
"""

import asyncio
import os
import signal
import sys
import time

from tests.runtime import probe
from tests.runtime.said.bank import Charge, Deposit
from workers.runtime import suspicion
from workers.runtime.settings import Settings
from workers.runtime.telemetry import configure_logs
from workers.runtime.unit_of_work import UnitOfWork
from workers.runtime.worker import Worker

EXIT_CODE = 66


def misbehave(command: Deposit, _uow: UnitOfWork) -> None:
    """Die or dawdle."""
    if command.account == os.environ.get("PROBE_KILLER"):
        os._exit(EXIT_CODE)
    time.sleep(float(os.environ.get("PROBE_PAUSE", "0")))


async def die(command: Charge) -> None:
    """The same while it is being prepared."""
    if command.account == os.environ.get("PROBE_KILLER"):
        os._exit(EXIT_CODE)


async def run(names: list[str]) -> None:
    """Host these domains until told to stop."""
    configure_logs("INFO")
    suspicion.DEATHS_MAX = int(os.environ.get("PROBE_DEATHS", suspicion.DEATHS_MAX))
    probe.script.before[Deposit] = misbehave
    probe.script.preparing = die
    worker = Worker(Settings(), [probe.DOMAINS[name] for name in names], whole=probe.WHOLE)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await worker.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stopping.wait()
    await worker.stop()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1:]))
