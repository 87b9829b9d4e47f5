"""Password resets before the transaction: mail the token, or see what a token is good for."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from contracts.identity import ForgetPassword, ResetPassword, ResetTokenInvalid, SendPasswordReset
from workers.identity import guessable, lookups, passwords, resets
from workers.identity.lockouts import Bar
from workers.identity.passwords import Cost
from workers.identity.proof_tables import read_reset
from workers.identity.proof_tables import resets as table
from workers.identity.tables import users
from workers.notices import notifier
from workers.notices.notice import Notice
from workers.runtime.handlers import Preparation
from workers.runtime.sealing import Sealer
from workers.runtime.settings import Settings

TEXT = """\
Hello {name},

somebody, hopefully you, has asked to reset the password of this account.
{where}

    {token}

It can be used once within {minutes} minutes, and then all devices are logged out.
If it was not you, nothing needs to be done: the password stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Mailed:
    """Whom a token was mailed to, and how long it is good for."""

    user_id: str
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Whose token it is, and the hash of their new password."""

    reset_id: str
    user_id: str
    email: str
    new: str = field(repr=False)


async def patience(command: ForgetPassword, preparation: Preparation) -> Bar:
    """How many mails one address gets, and in which time."""
    del command
    settings = preparation.resources.settings
    return Bar(settings.reset_mails, timedelta(seconds=settings.lockout_seconds))


async def mailed(command: SendPasswordReset, preparation: Preparation) -> Mailed | None:
    """Work out the token and mail it; None where nobody has this address. What is tried again mails the same token."""
    resources = preparation.resources
    row = await lookups.found(resources.database, select(users).where(users.c.email == command.email))
    if row is None or row.status != "active":
        return None
    reset_id = resets.named(preparation.message_id)
    token = resets.token(reset_id, Sealer(resources.settings.sealing_keys))
    text = _text(row.first_name, token, resources.settings)
    notice = Notice(reset_id, command.email, "Reset your password", text)
    await notifier.of(resources.settings).deliver(notice)
    return Mailed(row.id, timedelta(seconds=resources.settings.reset_seconds))


async def redeemed(command: ResetPassword, preparation: Preparation) -> Redeemed:
    """See whose token it is and hash the new password. Raises `ResetTokenInvalid`, `PasswordTooCommon`.

    What we have not signed is refused before anything is read or hashed.
    """
    database, settings = preparation.resources.database, preparation.resources.settings
    reset_id = resets.id_of(command.token, Sealer(settings.sealing_keys))
    known = await lookups.found(database, select(table).where(table.c.id == reset_id))
    if known is None or not read_reset(known).usable(datetime.now(UTC)):
        raise ResetTokenInvalid
    row = await lookups.found(database, select(users).where(users.c.id == known.user_id))
    if row is None:
        raise ResetTokenInvalid
    guessable.check(command.new_password, row.first_name, row.last_name, row.email)
    new = await passwords.hashed(command.new_password, Cost.of(settings))
    return Redeemed(reset_id, known.user_id, row.email, new)


def _text(name: str, token: str, settings: Settings) -> str:
    where = f"This token does it at {settings.reset_page}:" if settings.reset_page else "This token does it:"
    return TEXT.format(name=name, where=where, token=token, minutes=max(1, settings.reset_seconds // 60))
