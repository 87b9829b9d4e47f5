"""Mail, handed to a real SMTP server on this machine."""

import smtplib
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from tests.workers.conftest import free_port
from workers.notices import notifier
from workers.notices.notice import Notice
from workers.runtime.settings import Settings

NOTICE = Notice("rst_1", "budi@example.com", "Reset your password", "Halo Budi,\n\nini tokén:\n\n    rst_1.x.secret\n")
PASSWORD = "of the mail server"

Tell = Callable[..., Settings]


class Postbox:
    """Takes what comes, or says what a test wants instead."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.says = "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """What aiosmtpd calls for each mail."""
        assert isinstance(envelope.content, bytes)
        if self.says.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.says


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[Controller]:
    """An SMTP server that knows one user."""

    def knows(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data == LoginPassword(b"saldo", PASSWORD.encode()), handled=False)

    controller = Controller(
        postbox, hostname="127.0.0.1", port=free_port(), authenticator=knows, auth_require_tls=False
    )
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def tell(server: Controller) -> Tell:
    """Settings that name this server."""

    def tell(**changes: Any) -> Settings:
        smtp: dict[str, Any] = {
            "notifier": "smtp",
            "smtp_host": "127.0.0.1",
            "smtp_port": server.port,
            "smtp_security": "none",
        }
        return Settings.model_construct(**(smtp | {"smtp_security": "none"} | changes))

    return tell


async def test_a_notice_arrives_as_it_was_written(postbox: Postbox, tell: Tell) -> None:
    await notifier.of(tell()).deliver(NOTICE)
    [mail] = postbox.mails
    assert (mail["To"], mail["Subject"]) == (NOTICE.to, NOTICE.subject)
    assert mail["From"] == "Saldo <saldo@localhost>"
    assert mail["Message-ID"] == "<rst_1@saldo>", "what is sent twice is known for the same"
    assert mail.get_content().replace("\r\n", "\n") == NOTICE.text


@pytest.mark.filterwarnings("ignore:Session.login_data is deprecated")  # by aiosmtpd itself, of itself
async def test_a_server_may_ask_for_a_password(postbox: Postbox, tell: Tell) -> None:
    await notifier.of(tell(smtp_user="saldo", smtp_password=SecretStr(PASSWORD))).deliver(NOTICE)
    assert len(postbox.mails) == 1
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        await notifier.of(tell(smtp_user="saldo", smtp_password=SecretStr("wrong"))).deliver(NOTICE)
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("says", ["451 later", "554 never"])
async def test_what_a_server_does_not_take_is_not_delivered(postbox: Postbox, tell: Tell, says: str) -> None:
    postbox.says = says
    with pytest.raises(smtplib.SMTPException):
        await notifier.of(tell()).deliver(NOTICE)


async def test_a_server_without_tls_gets_nothing_unless_that_is_meant(postbox: Postbox, tell: Tell) -> None:
    with pytest.raises(smtplib.SMTPException):
        await notifier.of(tell(smtp_security="starttls")).deliver(NOTICE)
    assert postbox.mails == []


async def test_nobody_listens(tell: Tell) -> None:
    with pytest.raises(OSError, match=r"."):
        await notifier.of(tell(smtp_port=free_port())).deliver(NOTICE)


@pytest.mark.parametrize("text", ["a@b.co\r\nBcc: everybody@example.com", "a@b.co\nX: y"])
async def test_an_address_adds_no_header(tell: Tell, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        await notifier.of(tell()).deliver(NOTICE._replace(to=text))


async def test_a_file_is_whole_and_for_its_owner_only(tell: Tell, tmp_path: Path) -> None:
    filing = notifier.of(tell(notifier="file", notifier_folder=tmp_path / "new"))
    await filing.deliver(NOTICE)
    await filing.deliver(NOTICE)
    [path] = (tmp_path / "new").iterdir()
    assert path.name == "rst_1.eml"
    assert path.stat().st_mode & 0o077 == 0
    assert message_from_bytes(path.read_bytes(), policy=policy.default)["To"] == NOTICE.to


async def test_nothing_is_delivered_where_nothing_is_configured(tell: Tell) -> None:
    with pytest.raises(notifier.NotConfigured):
        await notifier.of(tell(notifier="none")).deliver(NOTICE)


def test_a_notice_does_not_show_what_it_says() -> None:
    assert "secret" not in repr(NOTICE)
