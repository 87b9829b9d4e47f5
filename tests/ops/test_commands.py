"""How commands are called and how they end."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ops import commands, developer, suite
from ops.local.home import PROJECT


def _ops(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops", *words],
        env=os.environ | variables,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_usage_says_it_as_the_caller_did() -> None:
    assert "Usage: python -m ops up" in _ops("up", "--help").stdout
    assert "Usage: ./dev up" in _ops("up", "--help", SALDO_CALLED_AS="./dev").stdout


def test_ctrl_c_while_libraries_are_imported_is_silent(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    answer = _ops("status", PYTHONPATH=str(tmp_path))
    assert (answer.returncode, answer.stdout, answer.stderr) == (130, "", "")


@pytest.mark.parametrize("port", ["-1", "0", "65536"])
def test_a_port_that_cannot_be_is_refused(port: str) -> None:
    answer = CliRunner().invoke(commands.app, ["up", "--port", port])
    assert answer.exit_code == 2
    assert "--port" in answer.output


@pytest.mark.parametrize(("command", "tells"), [("test", "pytest"), ("generate", "--incompatible")])
def test_a_command_has_help_of_its_own(command: str, tells: str) -> None:
    answer = CliRunner().invoke(commands.app, [command, "--help"])
    assert answer.exit_code == 0
    assert "Usage" in answer.output
    assert tells in answer.output


def test_pytest_is_told_everything_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(suite, "run", told.extend)
    CliRunner().invoke(commands.app, ["test", "tests/rules", "-x", "-k", "a or b", "--lf", "-n2"])
    assert told == ["tests/rules", "-x", "-k", "a or b", "--lf", "-n2"]


def test_the_address_of_the_documentation_stays_whole_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stack: Any = SimpleNamespace(url="http://127.0.0.1:50000")
    developer._invite(stack)
    assert "Swagger UI: http://127.0.0.1:50000/docs\n" in capsys.readouterr().out


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM])
def test_a_machine_that_does_not_let_us_is_said_in_a_sentence(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails(OSError(number, os.strerror(number), "/some/[where]"), monkeypatch) == 1
    told = capsys.readouterr().out
    assert "/some/[where]" in told
    assert f": {os.strerror(number)}.\n" in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="No space") as full:
        Path("/dev/full").write_text("something")
    assert _fails(full.value, monkeypatch) == 1
    assert capsys.readouterr().out == "✗ Nothing can be written: No space left on device.\n"


def test_another_error_of_the_system_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        _fails(FileNotFoundError(errno.ENOENT, "No such file", "/some/where"), monkeypatch)


def _fails(error: OSError, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command that ends like this; the exit status."""
    application = typer.Typer(pretty_exceptions_enable=False)

    @application.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(commands, "app", application)
    monkeypatch.setattr(sys, "argv", ["saldo"])
    with pytest.raises(SystemExit) as ended:
        commands.run()
    return ended.value.code
