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
LINE_NUMBER = re.compile(r":\d+\)$")
FUNCTIONS_SHOWN = 30


@contextmanager
def sampled(pid: int, seconds: float, output: Path) -> Iterator[None]:
    """Sample a process while the block runs; `output` gets folded stacks, which speedscope.app shows as a flame graph."""
    program = shutil.which("py-spy")
    if program is None:
        raise Trouble("py-spy is not installed: put it on the PATH (pipx install py-spy), or use the system's profiler.")
    options = ["--pid", str(pid), "--duration", str(round(seconds)), "--rate", str(SAMPLES_PER_SECOND)]
    command = [program, "record", *options, "--format", "raw", "--output", str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sampling:
        yield
        said, _ = sampling.communicate()
    if sampling.returncode:
        raise Trouble(f"py-spy could not look into the process:\n{said}")


def ranked(stacks: Path) -> Table:
    """The functions by the share of samples that they were running in, with the share below them."""
    own, whole = Counter[str](), Counter[str]()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [LINE_NUMBER.sub(")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    samples = max(1, own.total())
    rows = [
        (frame, f"{100 * count / samples:.1f} %", f"{100 * whole[frame] / samples:.1f} %")
        for frame, count in own.most_common(FUNCTIONS_SHOWN)
    ]
    return Table(f"{samples} samples", ("", "itself", "with what it calls"), rows)


def below(stacks: Path) -> Table:
    """The functions of ours by the share of samples in them and in what they call."""
    whole, samples = Counter[str](), 0
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        samples += int(count)
        for frame in {LINE_NUMBER.sub(")", frame) for frame in stack.split(";")}:
            if re.search(r"\((gateway|workers|contracts)/", frame):
                whole[frame] += int(count)
    rows = [(frame, f"{100 * count / max(1, samples):.1f} %") for frame, count in whole.most_common(FUNCTIONS_SHOWN)]
    return Table("Functions of ours", ("", "with what they call"), rows)
