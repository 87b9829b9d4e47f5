"""The password once more, from somebody who has logged in: checked before the transaction."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select

from contracts.identity import ChangePassword, RemoveTotp
from contracts.message import NotFound
from workers.identity import guessable, lookups, passwords
from workers.identity.lockouts import Bar, of_person
from workers.identity.passwords import Cost
from workers.identity.rules import User
from workers.identity.tables import users
from workers.runtime.handlers import Preparation


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the password was right for the hash `known`, and the hash of the new one, if one was wanted."""

    known: str = field(repr=False)
    right: bool = field(repr=False)
    bar: Bar
    new: str | None = field(default=None, repr=False)

    def holds_for(self, user: User) -> bool:
        """Whether it is this person's password still."""
        return self.right and user.active and user.password_hash == self.known


async def proved(command: RemoveTotp, preparation: Preparation) -> Proof:
    """Check the caller's password. Raises `NotFound`, `LockedOut`."""
    row = await _caller(preparation)
    settings = preparation.resources.settings
    verdict = await passwords.verify(command.password, row.password_hash, Cost.of(settings))
    return Proof(row.password_hash, verdict.right, Bar.of(settings))


async def changing(command: ChangePassword, preparation: Preparation) -> Proof:
    """Check the old password and hash the new one. Raises `NotFound`, `LockedOut`, `PasswordTooCommon`."""
    row = await _caller(preparation)
    settings = preparation.resources.settings
    verdict = await passwords.verify(command.current_password, row.password_hash, Cost.of(settings))
    if not verdict.right:
        return Proof(row.password_hash, right=False, bar=Bar.of(settings))
    guessable.check(command.new_password, row.first_name, row.last_name, row.email)
    new = await passwords.hashed(command.new_password, Cost.of(settings))
    return Proof(row.password_hash, right=True, bar=Bar.of(settings), new=new)


async def _caller(preparation: Preparation) -> Row[Any]:
    user_id, database = preparation.by.principal, preparation.resources.database
    [counted] = await lookups.attempts(database, of_person(user_id))
    counted.check(datetime.now(UTC))
    row = await lookups.found(database, select(users).where(users.c.id == user_id))
    if row is None:
        raise NotFound
    return row
