"""Where a process spends its time: py-spy samples it under load, and its functions are ranked."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import Table
from ops.trouble import Trouble

SAMPLES_PER_SECOND = 500
FUNCTIONS_SHOWN = 30
LINE_NUMBER = re.compile(r":\d+\)$")
WAITING = "_worker (concurrent/futures/thread.py"
"""A thread without work: py-spy takes it for busy."""
OURS = re.compile(r"\((gateway|workers|contracts)/")


def program() -> str:
    """Where py-spy is. Raises `Trouble`."""
    found = shutil.which("py-spy")
    if found is None:
        raise Trouble("py-spy is not installed. Put it on the PATH, for example with: pipx install py-spy")
    return found


@contextmanager
def sampled(program: str, pid: int, seconds: float, stacks: Path) -> Iterator[None]:
    """Sample a process while the block runs; `stacks` gets one folded stack a line, with its number of samples."""
    options = ["--pid", str(pid), "--duration", str(round(seconds)), "--rate", str(SAMPLES_PER_SECOND)]
    command = [program, "record", *options, "--format", "raw", "--output", str(stacks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sampling:
        try:
            yield
            said, _ = sampling.communicate()
        finally:
            sampling.kill()
    if sampling.returncode:
        raise Trouble(f"py-spy could not look into the process:\n{said}")


def ranked(stacks: Path, *, ours: bool = False) -> Table:
    """Functions by the share of samples that found them running; with `ours`, Saldo's by all that runs below them."""
    own, below = _counted(stacks)
    samples = max(1, own.total())
    order = below if ours else own
    chosen = [frame for frame, _ in order.most_common() if not ours or OURS.search(frame)][:FUNCTIONS_SHOWN]
    rows = [(frame, _share(own[frame], samples), _share(below[frame], samples)) for frame in chosen]
    return Table("Saldo's functions" if ours else f"{samples:,} samples", ("", "itself", "and below"), rows)


def _counted(stacks: Path) -> tuple[Counter[str], Counter[str]]:
    own, below = Counter[str](), Counter[str]()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        if WAITING in stack.rpartition(";")[2]:
            continue
        frames = [LINE_NUMBER.sub(")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        below.update(dict.fromkeys(frames, int(count)))
    return own, below


def _share(count: int, samples: int) -> str:
    return f"{100 * count / samples:.1f} %"
