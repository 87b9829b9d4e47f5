"""What is done with passwords and codes before the transaction: hash them, or check them against what is stored."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select

from contracts.identity import LogIn, Register
from workers.identity import guessable, keyring, lookups, passwords
from workers.identity.authenticators import Said
from workers.identity.keys import Signer
from workers.identity.lockouts import Bar, Guard, Keys
from workers.identity.passwords import Cost, Verdict
from workers.identity.proof_tables import totps
from workers.identity.tables import users
from workers.runtime.handlers import Preparation
from workers.runtime.sealing import Sealer

NOBODY = "usr_none"


@dataclass(frozen=True, slots=True)
class Checked:
    """A password that was checked against `known`, the hash that was stored at that moment.

    `user_id` is whose it was. `said` is what was said besides: a code, checked against what was stored as well.
    """

    known: str | None = field(repr=False)
    verdict: Verdict = field(repr=False)
    signer: Signer
    bar: Bar
    user_id: str = NOBODY
    said: Said | None = None


async def hashed(command: Register, preparation: Preparation) -> str:
    """The hash that will be stored. Raises `PasswordTooCommon`."""
    guessable.check(command.password, command.first_name, command.last_name, command.email)
    return await passwords.hashed(command.password, Cost.of(preparation.resources.settings))


async def checked(command: LogIn, preparation: Preparation) -> Checked:
    """Read what is known and check the password against it; a stranger's takes as long as anybody's.

    Raises `LockedOut` before anything is tried. What counts is decided in the transaction, where it can't be outrun.
    """
    resources, address = preparation.resources, preparation.caller.address if preparation.caller else None
    Guard(*await lookups.attempts(resources.database, *Keys.of(command.email, address))).check(datetime.now(UTC))
    wanted = select(users.c.id, users.c.password_hash, totps.c.sealed).select_from(
        users.outerjoin(totps, users.c.id == totps.c.id)
    )
    row = await lookups.found(resources.database, wanted.where(users.c.email == command.email))
    known = row.password_hash if row else None
    verdict = await passwords.verify(command.password, known, Cost.of(resources.settings))
    key = await keyring.signing(resources.database, resources.settings)
    bar, signer = Bar.of(resources.settings), Signer(resources.settings, key)
    if row is None:
        return Checked(None, verdict, signer, bar)
    sealer = Sealer(resources.settings.sealing_keys)
    said = Said.of(command.totp, row.id, row.sealed, sealer) if command.totp and row.sealed else None
    return Checked(known, verdict, signer, bar, row.id, said)
