"""The `dev` script where things are missing or it is interrupted."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.local.home import PROJECT

# It outlives the environment of the tests.
PYTHON = Path(sys.base_prefix) / "bin" / "python3"
START_SECONDS_MAX = 30


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the script reads, and a PATH without any Python."""
    for name in ("dev", "requirements-dev.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "cat", "cksum", "dirname", "tail", "sed", "cut", "awk", "id", "rm", "mkdir"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return tmp_path


def _dev(tree: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tree / "dev"], env=_environment(tree, variables), capture_output=True, text=True, check=False
    )


def _environment(tree: Path, variables: dict[str, str]) -> dict[str, str]:
    return {"PATH": str(tree / "bin"), "HOME": str(tree), "PIP_NO_INDEX": "1"} | variables


def _program(tree: Path, name: str, script: str) -> None:
    program = tree / "bin" / name
    program.unlink(missing_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_no_python_is_said_in_a_sentence(tree: Path) -> None:
    answer = _dev(tree)
    assert answer.returncode == 1
    assert "needs Python 3.12 or newer and found none" in answer.stderr


def test_a_shim_that_does_not_run_is_passed_over(tree: Path) -> None:
    _program(tree, "python3.13", "exit 127")
    assert "found none" in _dev(tree).stderr


def test_a_python_that_was_named_and_does_not_run_is_said(tree: Path) -> None:
    (tree / "bin" / "python3").symlink_to(PYTHON)
    answer = _dev(tree, PYTHON="/nonexistent")
    assert answer.returncode == 1
    assert "PYTHON=/nonexistent does not run" in answer.stderr
    assert not (tree / ".venv").exists()


def test_what_to_do_where_debians_venv_cannot_be_installed(tree: Path) -> None:
    _program(tree, "python3.13", f"""case "$2" in "import ensurepip") exit 1;; esac; exec {PYTHON} "$@" """)
    _program(tree, "id", "echo 0")
    _program(tree, "apt-get", "exit 100")
    answer = _dev(tree)
    assert answer.returncode == 1
    assert "is there a network?" in answer.stderr
    assert "PYTHON=" in answer.stderr


def test_an_environment_without_pip_is_made_anew(tree: Path) -> None:
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", tree / ".venv"], check=True)
    assert "making .venv" in _dev(tree, PYTHON=str(PYTHON)).stderr
    assert _pip(tree).returncode == 0


def test_an_interrupted_environment_is_made_anew(tree: Path) -> None:
    script = _interrupted(tree, tree / ".venv" / "bin" / "python")
    assert script.returncode == 130
    assert script.stderr.splitlines()[1:] == ["Interrupted: run ./dev again."]
    again = _dev(tree, PYTHON=str(PYTHON))
    assert "making .venv" in again.stderr
    assert "could not be installed" in again.stderr, "there is no index here, but an environment"
    assert _pip(tree).returncode == 0


def _interrupted(tree: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """Press Ctrl-C as soon as there is this file."""
    script = subprocess.Popen(
        [tree / "dev"],
        env=_environment(tree, {"PYTHON": str(PYTHON)}),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + START_SECONDS_MAX
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(script.pid, signal.SIGINT)
    _, told = script.communicate()
    return subprocess.CompletedProcess(script.args, script.returncode, stderr=told)


def _pip(tree: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([tree / ".venv/bin/python", "-m", "pip", "--version"], capture_output=True, check=False)
