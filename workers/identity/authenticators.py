"""Codes that were said, before they are believed: checked against the secret that was stored at that moment."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select

from contracts.identity import BeginTotp, ConfirmTotp
from contracts.message import NotFound
from workers.identity import lookups, totp
from workers.identity.proof_tables import totps
from workers.identity.tables import users
from workers.identity.totp import Totp
from workers.runtime.handlers import Preparation
from workers.runtime.sealing import Sealer


def _purpose(user_id: str) -> str:
    return f"identity.totps {user_id}"


@dataclass(frozen=True, slots=True)
class Said:
    """What was said as a code, by all that it may mean: the steps that have it, or the recovery code of this hash.

    `sealed` is the secret that it was checked against, `resealed` the same under today's key, if that is another.
    """

    sealed: str = field(repr=False)
    steps: list[int] = field(repr=False)
    recovery: str = field(repr=False)
    resealed: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, said: str, user_id: str, sealed: str, sealer: Sealer) -> "Said":
        """Check it against this person's secret, now."""
        purpose = _purpose(user_id)
        secret = sealer.open(sealed, to=purpose)
        resealed = sealer.seal(secret, to=purpose) if sealer.outdated(sealed) else None
        steps = totp.steps(secret, said, datetime.now(UTC))
        return cls(sealed, steps, totp.hashed(user_id, said), resealed)

    def taken_by(self, known: Totp) -> Totp | None:
        """What becomes of the authenticator when this is taken as its code; None if it can't be."""
        if known.sealed != self.sealed:
            return None
        taken = known.after(self.steps) or known.recovered(self.recovery)
        if taken is None or self.resealed is None:
            return taken
        return taken._replace(sealed=self.resealed)


@dataclass(frozen=True, slots=True)
class Begun:
    """A fresh secret, as it is stored and as it is shown."""

    sealed: str = field(repr=False)
    hashed: list[str] = field(repr=False)
    secret: str = field(repr=False)
    uri: str = field(repr=False)
    codes: list[str] = field(repr=False)


async def begun(command: BeginTotp, preparation: Preparation) -> Begun:
    """Draw a secret and recovery codes for the caller. Raises `NotFound`."""
    del command
    user_id = preparation.by.principal
    row = await lookups.found(preparation.resources.database, select(users.c.email).where(users.c.id == user_id))
    if row is None:
        raise NotFound
    secret = secrets.token_bytes(totp.SECRET_BYTES)
    codes = [totp.recovery_code(secrets.token_bytes(totp.RECOVERY_BYTES)) for _ in range(totp.RECOVERY_CODES)]
    return Begun(
        Sealer(preparation.resources.settings.sealing_keys).seal(secret, to=_purpose(user_id)),
        [totp.hashed(user_id, code) for code in codes],
        totp.text(secret),
        totp.uri(secret, row.email),
        codes,
    )


async def confirming(command: ConfirmTotp, preparation: Preparation) -> Said | None:
    """Check the code; None where there is nothing to check it against."""
    user_id, resources = preparation.by.principal, preparation.resources
    row = await lookups.found(resources.database, select(totps.c.sealed).where(totps.c.id == user_id))
    if row is None or not row.sealed:
        return None
    return Said.of(command.code, user_id, row.sealed, Sealer(resources.settings.sealing_keys))
