"""A machine without RabbitMQ: it is installed where that can be, and asked for where not."""

from pathlib import Path

import pytest

from ops.local import debian, rabbitmq_binary, rabbitmq_container, servers
from ops.local.home import Home
from ops.local.rabbitmq_container import RabbitMQContainer
from ops.trouble import Trouble


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No RabbitMQ, and a folder of programs to pretend with."""
    monkeypatch.setattr(rabbitmq_binary, "PLACES", (str(tmp_path / "rabbitmq"),))
    monkeypatch.setattr(debian, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("RABBITMQ_SERVER", raising=False)
    return tmp_path


def _program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _apt(nowhere: Path, after: str) -> None:
    """An apt-get that notes what it was asked, and whether a service might have started."""
    _program(
        nowhere / "apt-get",
        f'echo "$@" >>{nowhere}/asked; {nowhere}/policy-rc.d; echo $? >>{nowhere}/policy\n{after}',
    )
    _program(nowhere / "systemctl", f'echo "$@" >>{nowhere}/systemctl.asked')


def test_root_on_debian_gets_the_package_but_not_its_service(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "installable", lambda: True)
    (nowhere / "policy-rc.d").write_text("the machine's own")
    server = nowhere / "rabbitmq" / "rabbitmq-server"
    _apt(nowhere, f"mkdir -p {server.parent}; touch {server}")
    assert rabbitmq_binary.find() == server
    assert "install --no-install-recommends rabbitmq-server" in (nowhere / "asked").read_text()
    assert (nowhere / "policy").read_text().split() == ["101", "101"]
    assert (nowhere / "policy-rc.d").read_text() == "the machine's own"
    assert (nowhere / "systemctl.asked").read_text() == "disable rabbitmq-server\n"


def test_an_installation_that_fails_says_what_apt_said(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "installable", lambda: True)
    _apt(nowhere, "echo 'E: no network' >&2; exit 100")
    with pytest.raises(Trouble, match="E: no network"):
        rabbitmq_binary.find()
    assert not (nowhere / "policy-rc.d").exists()


def test_anybody_else_is_told_what_to_do(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "installable", lambda: False)
    with pytest.raises(Trouble, match="apt-get install --no-install-recommends rabbitmq-server"):
        rabbitmq_binary.find()
    assert nowhere.exists()


def test_a_binary_that_is_named_must_be_there(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_SERVER", str(nowhere / "gone"))
    with pytest.raises(Trouble, match="which is not there"):
        rabbitmq_binary.present()


def test_a_docker_engine_will_do(nowhere: Path, monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    monkeypatch.setattr(debian, "installable", lambda: False)
    _program(nowhere / "docker", f'echo "$@" >>{nowhere}/docker.asked')
    broker = servers.rabbitmq(home)
    assert isinstance(broker, RabbitMQContainer)
    monkeypatch.setattr(RabbitMQContainer, "_wait", lambda _: None)
    broker.start()
    asked = (nowhere / "docker.asked").read_text()
    assert f"--publish=127.0.0.1:{broker.port}:5672" in asked
    assert rabbitmq_container.IMAGE in asked
    assert "listeners.tcp.1 = 0.0.0.0:5672" in (broker.data / "rabbitmq.conf").read_text()
