"""Detached processes: found again, stopped, killed, and told apart from strangers."""

import json
import os
import sys
from collections.abc import Callable

import psutil
import pytest

from ops.local.daemon import Daemon, recorded
from ops.local.home import Home

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("\\x1b[31mborn\\x1b[0m", flush=True)
time.sleep(60)
"""
FAMILY = [sys.executable, "-c", PARENT]


def test_a_later_launcher_finds_it_and_stops_it(home: Home) -> None:
    Daemon(home, "sleeper").start(SLEEP, env=os.environ, port=1234)
    found = Daemon(home, "sleeper")
    assert found.running
    assert found.port == 1234
    assert recorded(home) == [found]
    found.stop()
    assert not found.running
    assert recorded(home) == []


@pytest.mark.parametrize("end", [Daemon.stop, Daemon.kill])
def test_its_children_go_with_it(home: Home, end: Callable[[Daemon], None]) -> None:
    daemon = Daemon(home, "parent")
    daemon.start(FAMILY, env=os.environ)
    while "born" not in daemon.tail():
        assert daemon.running
    process = daemon.process
    assert process
    children = process.children()
    end(daemon)
    assert children
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


def test_a_stranger_with_its_old_pid_is_left_alone(home: Home) -> None:
    record = {"pid": os.getpid(), "created": 1.0, "port": None}
    (home.run / "gone.json").write_text(json.dumps(record))
    daemon = Daemon(home, "gone")
    assert not daemon.running
    daemon.kill()
    assert recorded(home) == []


def test_its_log_is_shown_without_colours(home: Home) -> None:
    daemon = Daemon(home, "parent")
    daemon.start(FAMILY, env=os.environ)
    while "born" not in daemon.tail():
        assert daemon.running
    assert daemon.tail() == "born"
