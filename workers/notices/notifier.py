"""The port through which people are told things, and the adapter that the settings choose."""

from typing import NamedTuple, Protocol

from workers.notices.filing import Filing
from workers.notices.mailing import Mailing
from workers.notices.notice import Notice
from workers.runtime.settings import Settings


class NotConfigured(Exception):
    """The settings name no way to tell anybody anything."""


class Notifier(Protocol):
    """Delivers notices. It may be asked twice for the same; it raises where it can't say that it is delivered."""

    async def deliver(self, notice: Notice) -> None:
        """Hand it over to whoever takes it from here."""


class Nobody(NamedTuple):
    """No adapter: each notice is a failure that operators see, and can have repeated once there is one."""

    async def deliver(self, notice: Notice) -> None:
        """Raise `NotConfigured`."""
        del notice
        raise NotConfigured("set NOTIFIER to smtp or file")


def of(settings: Settings) -> Notifier:
    """The adapter of these settings."""
    if settings.notifier == "smtp":
        return Mailing.of(settings)
    if settings.notifier == "file":
        return Filing(settings.notifier_folder, settings.smtp_from)
    return Nobody()
