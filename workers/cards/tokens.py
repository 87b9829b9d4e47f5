"""Tokens for one spend, and how often wrong card data was tried. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from contracts import ids
from contracts.cards import CardTokenInvalid, SpendOnCard, UnspendOnCard

PREFIX = "tok_"
CARD = "crd_"
SECRET_BYTES = 13
"""104 bits: for one spend, within minutes."""


class Token(NamedTuple):
    """One row of `cards.tokens`, whose id is a digest of the token. `used_by` is the spend that it went into."""

    id: str
    card_id: str
    used_by: str | None
    expires_at: datetime


def used(token: Token | None, spend_id: str, card_id: str, at: datetime) -> Token:
    """Used up by this spend. Raises `CardTokenInvalid`."""
    if token is None or token.used_by is not None or token.card_id != card_id or at >= token.expires_at:
        raise CardTokenInvalid
    return token._replace(used_by=spend_id)


class Tries(NamedTuple):
    """One row of `cards.tries`: wrong tries on one card, or from one caller or address, since a moment."""

    id: str
    number: int
    since: datetime
    blocked_until: datetime | None

    @classmethod
    def none(cls, key: str, at: datetime) -> "Tries":
        """Not one yet."""
        return cls(key, 0, at, None)

    def blocked(self, at: datetime) -> bool:
        """Whether nothing is tried any more for now."""
        return self.blocked_until is not None and at < self.blocked_until

    def wrong(self, at: datetime, most: int, window: timedelta) -> "Tries":
        """One more; after `most` within a window it is closed for as long as one."""
        if self.blocked(at):
            return self
        fresh = self if at < self.since + window else Tries.none(self.id, at)
        number = fresh.number + 1
        return fresh._replace(number=number, blocked_until=at + window if number >= most else None)


def made(card_id: str, secret: bytes) -> str:
    """A token names its card, so that this is found without a look-up, to nobody but workers."""
    return f"{PREFIX}{card_id.removeprefix(CARD)}_{secret.hex()}"


def digest(token: str) -> str:
    """The id of its row."""
    return ids.digest(token, size=32).hex()


def card_of(command: SpendOnCard | UnspendOnCard) -> str:
    """The card that is meant; one that can't exist if the token is rubbish."""
    if command.card_id is not None:
        return command.card_id
    named, _, _ = (command.token or "").removeprefix(PREFIX).rpartition("_")
    return f"{CARD}{named}"
