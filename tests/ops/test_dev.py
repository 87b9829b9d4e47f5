"""The `dev` script where things are missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ops.local.home import PROJECT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the script reads, and a PATH without any Python."""
    for name in ("dev", "requirements-dev.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "cat", "cksum", "dirname", "tail", "sed", "cut", "awk", "id", "rm"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return tmp_path


def _dev(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(tree / "bin"), "HOME": str(tree)}
    return subprocess.run([tree / "dev"], env=environment, capture_output=True, text=True, check=False)


def test_no_python_is_said_in_a_sentence(tree: Path) -> None:
    answer = _dev(tree)
    assert answer.returncode == 1
    assert "needs Python 3.12 or newer and found none" in answer.stderr


def test_a_shim_that_does_not_run_is_passed_over(tree: Path) -> None:
    shim = tree / "bin" / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert "found none" in _dev(tree).stderr
