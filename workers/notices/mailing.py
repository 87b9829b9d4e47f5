"""Notices as mail over SMTP (RFC 5321)."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from pydantic import SecretStr

from workers.notices.notice import Notice
from workers.runtime.settings import Settings

# Threads of its own: however slow the mail server, those that check passwords are not its to keep.
THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="mail")


class Mailing(NamedTuple):
    """Hands each notice to a mail server. `security` is starttls, tls (from the first byte) or none."""

    host: str
    port: int
    security: str
    user: str
    password: SecretStr
    sender: str
    timeout_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "Mailing":
        """As the settings say."""
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_user,
            settings.smtp_password,
            settings.smtp_from,
            settings.smtp_timeout_seconds,
        )

    async def deliver(self, notice: Notice) -> None:
        """Return when the server has taken it. Raises `smtplib.SMTPException`, `OSError`."""
        await asyncio.get_running_loop().run_in_executor(THREADS, self._send, notice)

    def _send(self, notice: Notice) -> None:
        with self._connected() as server:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password.get_secret_value())
            server.send_message(notice.mail(self.sender))

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_seconds, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
