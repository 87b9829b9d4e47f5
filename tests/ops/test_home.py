"""What a home remembers: ports, secrets, who is at work in it."""

import base64
import json
import socket
import stat
from pathlib import Path

import pytest

from ops.local import ports, secrets
from ops.local.home import Home
from ops.trouble import Trouble


def test_a_port_is_remembered_and_chosen_anew_when_taken(home: Home) -> None:
    port = ports.choose(home, "gateway")
    assert ports.choose(home, "gateway") == port == ports.remembered(home, "gateway")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        assert ports.choose(home, "gateway") != port


def test_ports_that_can_not_be_read_are_chosen_anew(home: Home) -> None:
    ports.choose(home, "gateway")
    (home.root / "ports.json").write_text('{"gateway": 2')
    assert ports.choose(home, "gateway") == ports.remembered(home, "gateway")


def test_somebody_elses_home_is_left_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALDO_HOME", str(home.root))
    assert Home.default() == home
    monkeypatch.setattr("os.geteuid", lambda: 12_345)
    with pytest.raises(Trouble, match="another user's"):
        Home.default()


def test_two_names_never_share_a_port(home: Home) -> None:
    assert len({ports.choose(home, str(number)) for number in range(20)}) == 20


def test_processes_that_choose_at_the_same_time_choose_different_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[int] = []
    for process in range(3):
        monkeypatch.setattr("os.getpid", lambda process=process: 4711 + process)
        other = Home(tmp_path / str(process))
        other.prepare()
        chosen += [ports.choose(other, str(number)) for number in range(100)]
    assert len(set(chosen)) == len(chosen)


def test_secrets_are_made_once_and_for_the_owner_only(home: Home) -> None:
    made = secrets.load(home)
    assert secrets.load(home) == made
    assert stat.S_IMODE((home.root / "secrets.env").stat().st_mode) == 0o600
    assert secrets.load(home.child("other"))["PROVIDER_KEY"] != made["PROVIDER_KEY"]


def test_keys_have_the_promised_shape(home: Home) -> None:
    made = secrets.load(home)
    (signing,) = json.loads(made["SIGNING_KEYS"])
    (sealing,) = json.loads(made["SEALING_KEYS"])
    for key in (made["OPERATION_ID_KEY"], signing["seed"], sealing["key"]):
        assert len(base64.urlsafe_b64decode(key)) == 32
    assert signing["kid"]
    assert sealing["id"]


def test_only_one_launcher_works_in_a_home(home: Home) -> None:
    with home.locked():
        assert home.busy
        with pytest.raises(Trouble, match="Another launcher"), home.locked():
            pass
    assert not home.busy
