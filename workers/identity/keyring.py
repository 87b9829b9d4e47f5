"""Signing keys that are made by command: published before they sign, and until the last token they signed is old."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts import ids
from workers.identity.tables import signing_keys
from workers.runtime import by_command
from workers.runtime.sealing import Sealer
from workers.runtime.settings import SealingKey, Settings, SigningKey

ROTATED = "identity.RotateSigningKeys"

ACCESS_TOKEN_SECONDS_MAX = 900
"""The most that the settings take."""

PUBLISHED_BEFORE = timedelta(seconds=120)
"""How long a key is known before it signs, so that no gateway meets it unprepared."""

PUBLISHED_AFTER = timedelta(seconds=ACCESS_TOKEN_SECONDS_MAX + 120)
"""How long a key is believed after another signs in its place."""


class KeyRow(NamedTuple):
    """One row of `identity.signing_keys`: `public` is the JWK's `x`, `sealed` the private half.

    From `alone_from` on, the keys of the settings are not believed any more.
    """

    id: str
    public: str
    sealed: str
    created_at: datetime
    signs_from: datetime
    alone_from: datetime
    retires_at: datetime | None

    def __repr__(self) -> str:
        """Without its secret, sealed as it is."""
        return f"KeyRow({self.id})"


class Ring(NamedTuple):
    """The keys that are published, newest first. `alone` says that those of the settings have had their day."""

    rows: tuple[KeyRow, ...]
    alone: bool

    def signing(self, at: datetime) -> KeyRow | None:
        """The newest that signs already; None where it is still up to the settings."""
        return max((row for row in self.rows if row.signs_from <= at), key=lambda row: row.signs_from, default=None)


async def read(connection: AsyncConnection, at: datetime) -> Ring:
    """The ring of this moment."""
    published = or_(signing_keys.c.retires_at.is_(None), signing_keys.c.retires_at > at)
    wanted = select(signing_keys).where(published).order_by(signing_keys.c.signs_from.desc())
    rows = tuple(KeyRow(*row) for row in await connection.execute(wanted))
    alone_from = await connection.scalar(select(func.min(signing_keys.c.alone_from)))
    return Ring(rows, alone=alone_from is not None and alone_from <= at)


async def signing(database: AsyncEngine, settings: Settings) -> SigningKey:
    """The key that signs now, that of the settings until one was made by command. Raises `SealBroken`."""
    now = datetime.now(UTC)
    async with database.connect() as connection:
        row = (await read(connection, now)).signing(now)
    if row is None:
        return settings.signing_keys[0]
    seed = Sealer(settings.sealing_keys).open(row.sealed, to=_name(row.id))
    return SigningKey(kid=row.id, seed=SecretStr(base64url(seed)))


def base64url(data: bytes) -> str:
    """Without padding, as RFC 7515 has it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def overlap(*, at_once: bool) -> tuple[timedelta, timedelta]:
    """How long a new key is published before it signs, and the others after; not at all where one has leaked."""
    return (timedelta(), timedelta()) if at_once else (PUBLISHED_BEFORE, PUBLISHED_AFTER)


async def rotate(
    database_url: str,
    ring: Sequence[SealingKey],
    *,
    before: timedelta,
    after: timedelta,
    address: str | None = None,
) -> KeyRow:
    """Make a key that signs in `before`; all others, those of the settings too, retire `after` that.

    `address` is where the command was run, for the audit trail.
    """
    row = _made(ring, datetime.now(UTC), before, after)
    retires_at = func.least(func.coalesce(signing_keys.c.retires_at, row.alone_from), row.alone_from)
    shown = {"signs_from": row.signs_from, "others_retire_at": row.alone_from}
    async with by_command.transaction(database_url) as connection:
        await connection.execute(update(signing_keys).values(retires_at=retires_at))
        await connection.execute(insert(signing_keys).values(row._asdict()))
        await by_command.write_down(connection, ROTATED, row.id, at=row.created_at, after=shown, address=address)
    return row


def _made(ring: Sequence[SealingKey], now: datetime, before: timedelta, after: timedelta) -> KeyRow:
    private, kid = Ed25519PrivateKey.generate(), ids.new("sig")
    sealed = Sealer(ring).seal(private.private_bytes_raw(), to=_name(kid))
    public = base64url(private.public_key().public_bytes_raw())
    return KeyRow(kid, public, sealed, now, now + before, now + before + after, None)


def _name(kid: str) -> str:
    return f"signing key {kid}"
