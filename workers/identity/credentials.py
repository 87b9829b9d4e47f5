"""What is done with passwords before the transaction: hash them, or check them against the stored hash."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.identity import LogIn, Register
from workers.identity import keyring, passwords
from workers.identity.keys import Signer
from workers.identity.passwords import Cost, Verdict
from workers.identity.tables import users
from workers.runtime.handlers import Preparation


@dataclass(frozen=True, slots=True)
class Checked:
    """A password that was checked against `known`, the hash that was stored at that moment."""

    known: str | None = field(repr=False)
    verdict: Verdict = field(repr=False)
    signer: Signer


async def hashed(command: Register, preparation: Preparation) -> str:
    """The hash that will be stored."""
    return await passwords.hashed(command.password, Cost.of(preparation.resources.settings))


async def checked(command: LogIn, preparation: Preparation) -> Checked:
    """Read the hash and check the password; a stranger's takes as long as anybody's."""
    resources = preparation.resources
    known = await _known(resources.database, command.email)
    verdict = await passwords.verify(command.password, known, Cost.of(resources.settings))
    key = await keyring.signing(resources.database, resources.settings)
    return Checked(known, verdict, Signer(resources.settings, key))


async def _known(database: AsyncEngine, email: str) -> str | None:
    async with database.connect() as connection:
        found = await connection.execute(select(users.c.password_hash).where(users.c.email == email))
        return found.scalar_one_or_none()
