"""Who runs PostgreSQL where we are root: a user of its own, made with what the machine has or can be given."""

from pathlib import Path

import pytest

from ops.local import debian, postgres_binary
from ops.trouble import Trouble

USER = "saldo-test-nobody"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Root on a machine without the user and without useradd; the only folder of programs."""
    monkeypatch.setattr(postgres_binary, "USER", USER)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(debian, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_user_is_made(bare: Path) -> None:
    _program(bare / "useradd", f'echo "$@" >{bare}/asked')
    assert postgres_binary.user() == USER
    assert (bare / "asked").read_text() == f"--system --user-group --no-create-home {USER}\n"


def test_useradd_is_installed_where_it_is_missing(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "installable", lambda: True)
    useradd = bare / "useradd"
    _program(bare / "apt-get", f'echo "$@" >>{bare}/asked; echo "#!/bin/sh" >{useradd}; /bin/chmod +x {useradd}')
    assert postgres_binary.user() == USER
    assert "install --no-install-recommends passwd" in (bare / "asked").read_text()


def test_where_it_can_not_be_installed_somebody_is_told_what_to_do(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "installable", lambda: False)
    with pytest.raises(Trouble, match=f"useradd .* make one named {USER}"):
        postgres_binary.user()
    assert not (bare / "asked").exists()
