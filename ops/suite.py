"""Run the tests with servers of their own, which are gone afterwards."""

import os
import subprocess
import sys
from collections.abc import Sequence

from ops import foreground
from ops.console import head, say
from ops.local.home import PROJECT
from ops.local.scratch import ScratchServers

# Tests wait for servers more than they work: one more run than there are cores keeps these busy.
SIDE_BY_SIDE = ("--numprocesses", str((os.cpu_count() or 1) + 1), "--dist", "loadscope")


def run(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, or all tests, several at a time; its exit status."""
    servers = ScratchServers()
    try:
        head("Starting servers for the tests")
        variables = os.environ | servers.start(say)
        command = [sys.executable, "-m", "pytest", *(arguments or SIDE_BY_SIDE)]
        return subprocess.run(command, env=variables, cwd=PROJECT, check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        with foreground.undisturbed():
            servers.close()
