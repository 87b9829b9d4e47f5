"""What an API key is and may become: pure, without the key itself."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from contracts.merchants import (
    ApiKeyEnded,
    ApiKeyView,
    CreateApiKey,
    ExpiryInvalid,
    KeyScope,
    KeyStatus,
    NewApiKeyView,
    TooManyApiKeys,
)

USABLE_MAX = 20
"""How many keys of a merchant can be good at a time."""


class Minted(NamedTuple):
    """A key that was just made: shown once, and then known by its hash only."""

    key: str
    prefix: str
    hash: str

    def __repr__(self) -> str:
        """Never the key."""
        return "Minted()"


class ApiKey(NamedTuple):
    """One row of `merchants.api_keys`. `hash` is keyed, so that who reads it can't even test a guess."""

    id: str
    merchant_id: str
    name: str
    prefix: str
    hash: str
    scopes: list[KeyScope]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None

    def __repr__(self) -> str:
        """Without the hash: what is shown ends in a log some day."""
        return f"ApiKey({self.id})"

    @classmethod
    def create(cls, command: CreateApiKey, minted: Minted, *, by: str, at: datetime, key: str) -> "ApiKey":
        """A new one. Raises `ExpiryInvalid`."""
        if command.expires_at is not None and command.expires_at <= at:
            raise ExpiryInvalid
        return cls(
            key,
            command.merchant_id,
            command.name,
            minted.prefix,
            minted.hash,
            command.scopes,
            by,
            at,
            command.expires_at,
            last_used_at=None,
            revoked_at=None,
            replaced_by=None,
        )

    def successor(self, minted: Minted, *, by: str, at: datetime, key: str) -> "ApiKey":
        """A key that allows the same and lives as long, from now on. Raises `ApiKeyEnded`."""
        if self.status_at(at) != "active" or self.replaced_by is not None:
            raise ApiKeyEnded
        ends = None if self.expires_at is None else at + (self.expires_at - self.created_at)
        return self._replace(
            id=key,
            prefix=minted.prefix,
            hash=minted.hash,
            created_by=by,
            created_at=at,
            expires_at=ends,
            last_used_at=None,
        )

    def replaced(self, by: "ApiKey", overlap: timedelta, at: datetime) -> "ApiKey":
        """Good for the overlap, and no longer than it was to be."""
        ends = at + overlap
        return self._replace(
            replaced_by=by.id, expires_at=ends if self.expires_at is None else min(ends, self.expires_at)
        )

    def revoked(self, at: datetime) -> "ApiKey":
        """Ended at once. Again is harmless."""
        return self if self.revoked_at is not None else self._replace(revoked_at=at)

    def used(self, at: datetime) -> "ApiKey":
        """Last seen then, unless it was seen later."""
        return self if self.last_used_at is not None and self.last_used_at >= at else self._replace(last_used_at=at)

    def status_at(self, at: datetime) -> KeyStatus:
        """What counts first: revoked, expired, active."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "active"

    def view(self, at: datetime) -> ApiKeyView:
        """How the merchant's owner sees it."""
        return ApiKeyView(
            id=self.id,
            merchant_id=self.merchant_id,
            name=self.name,
            prefix=self.prefix,
            scopes=self.scopes,
            status=self.status_at(at),
            expires_at=self.expires_at,
            last_used_at=self.last_used_at,
            replaced_by=self.replaced_by,
            created_at=self.created_at,
            revoked_at=self.revoked_at,
        )

    def new_view(self, at: datetime) -> NewApiKeyView:
        """How whoever made it sees it; the key is revealed apart."""
        return NewApiKeyView(**self.view(at).__dict__)

    def trail(self, at: datetime) -> dict[str, Any]:
        """What the audit keeps of it for ever."""
        return {
            "merchant": self.merchant_id,
            "status": self.status_at(at),
            "scopes": self.scopes,
            "expires_at": self.expires_at,
            "replaced_by": self.replaced_by,
        }


def must_have_room(known: list[ApiKey], at: datetime) -> None:
    """Raises `TooManyApiKeys`."""
    if sum(one.status_at(at) == "active" for one in known) >= USABLE_MAX:
        raise TooManyApiKeys
