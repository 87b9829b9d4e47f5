"""One notice, and the mail (RFC 5322) that it makes."""

from email.message import EmailMessage
from typing import NamedTuple


class Notice(NamedTuple):
    """What somebody is told. `id` is the same each time that it is tried."""

    id: str
    to: str
    subject: str
    text: str

    def __repr__(self) -> str:
        """Without what it says: there may be a secret in it."""
        return f"Notice({self.id})"

    def mail(self, sender: str) -> EmailMessage:
        """The notice as a mail; two of one id are known for the same by their Message-ID."""
        mail = EmailMessage()
        mail["From"] = sender
        mail["To"] = self.to
        mail["Subject"] = self.subject
        mail["Message-ID"] = f"<{self.id}@saldo>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(self.text)
        return mail
