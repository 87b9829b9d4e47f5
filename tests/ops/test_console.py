"""Printing goes on, or is given up in silence, whatever has become of the terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

SAYS = "from ops.console import console, say, replace_unprintable; replace_unprintable()\n"
WITHOUT_TERMINAL = f"""{SAYS}
import pathlib, subprocess, sys
say("here")
sys.stdin.readline()
say("gone"), say("still gone")
print("past the console", flush=True)
subprocess.run(["echo", "from a child"], check=True)
print("to the errors", file=sys.stderr, flush=True)
pathlib.Path(sys.argv[1]).write_text("stopped")
"""


@pytest.mark.parametrize("kind", ["terminal", "pipe"])
def test_who_has_lost_the_terminal_still_finishes(kind: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty() if kind == "terminal" else os.pipe()
    end = tmp_path / "end"
    script = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_TERMINAL, end], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    assert "here" in os.read(ours, 1000).decode()
    os.close(ours)
    script.communicate(b"\n")
    assert script.returncode == 0
    assert end.read_text() == "stopped"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_encoding_lacks_is_a_question_mark(encoding: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"{SAYS}say('one step')"],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert told.stdout == b"  ? one step\n"
