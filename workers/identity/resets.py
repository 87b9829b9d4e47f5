"""Password resets: a token that is mailed, signed, good for a while and for once. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple, Self

from contracts import ids
from contracts.identity import ResetTokenInvalid
from workers.runtime.sealing import Sealer

PURPOSE = "identity.resets"


class Reset(NamedTuple):
    """One row of `identity.resets`. The token is nowhere: it is worked out from the id and a key."""

    id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None

    @classmethod
    def make(cls, key: str, user_id: str, *, at: datetime, lasts: timedelta) -> "Reset":
        """A new one."""
        return cls(key, user_id, at, at + lasts, None)

    def usable(self, at: datetime) -> bool:
        """Whether its token is good."""
        return self.used_at is None and at < self.expires_at

    def used(self, at: datetime) -> Self:
        """Not good any more."""
        return self if self.used_at is not None else self._replace(used_at=at)


def named(message_id: str) -> str:
    """The id of the reset that a message makes: the same each time that it is tried."""
    return ids.derived("rst", message_id)


def token(reset_id: str, sealer: Sealer) -> str:
    """What is mailed."""
    return f"{reset_id}.{sealer.sign(reset_id, to=PURPOSE)}"


def id_of(said: str, sealer: Sealer) -> str:
    """The reset of a token. Raises `ResetTokenInvalid` for what was not made by us."""
    reset_id, _, signature = said.partition(".")
    if not sealer.signed(reset_id, signature, to=PURPOSE):
        raise ResetTokenInvalid
    return reset_id
