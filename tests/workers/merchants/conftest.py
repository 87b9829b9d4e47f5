"""Merchants and their keys, in few words."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from contracts import api_key
from contracts.merchants import (
    ApproveMerchant,
    CreateApiKey,
    CreateMerchant,
    FindApiKey,
    ListApiKeys,
    RevokeApiKey,
    RotateApiKey,
)
from contracts.message import Message
from contracts.operations import GetReveals, Reply
from tests.workers.client import Client

OWNER, OPERATOR, STRANGER = "usr_owner", "usr_operator", "usr_stranger"


@dataclass(frozen=True)
class Desk:
    """What tests do with merchants."""

    client: Client

    async def done(self, message: Message, caller: str = OWNER, **as_who: Any) -> dict[str, Any]:
        """The answer of what must succeed."""
        reply = await self.client.ask(message, caller, **as_who)
        assert reply.status == "succeeded", reply
        return reply.result or {}

    async def refused(self, message: Message, caller: str = OWNER, **as_who: Any) -> str:
        """The code of what must be refused."""
        reply: Reply = await self.client.ask(message, caller, **as_who)
        assert reply.problem is not None, reply
        return reply.problem.code

    async def merchant(self, owner: str = OWNER, *, approved: bool = True, **fields: Any) -> str:
        """The id of a new merchant."""
        wanted = {"name": "Kopi", "currency": "IDR"} | fields
        made = await self.done(CreateMerchant.model_validate(wanted), owner)
        if approved:
            await self.done(ApproveMerchant(merchant_id=made["id"], reason="Known"), OPERATOR, oversees=True)
        return str(made["id"])

    async def key(self, merchant: str, owner: str = OWNER, **fields: Any) -> tuple[str, str]:
        """The id of a new key, and the key."""
        wanted = {"merchant_id": merchant, "name": "Till", "scopes": ["payments:create"]} | fields
        return await self.shown(CreateApiKey.model_validate(wanted), owner)

    async def rotated(self, merchant: str, key_id: str, seconds: int = 0) -> tuple[str, str]:
        """Likewise, of the key that follows this one."""
        return await self.shown(RotateApiKey(merchant_id=merchant, key_id=key_id, overlap_seconds=seconds))

    async def shown(self, command: Any, owner: str = OWNER) -> tuple[str, str]:
        """The id of the key that this makes, and the key."""
        envelope = self.client.envelope(command, owner)
        await self.client.send(envelope)
        reply = await self.client.final(envelope)
        assert reply.result is not None, reply
        assert reply.result["key"] is None
        shown = await self.done(GetReveals(operation_id=envelope.id), owner)
        return reply.result["id"], shown["values"]["key"]

    async def revoke(self, merchant: str, key_id: str) -> dict[str, Any]:
        """End a key."""
        return await self.done(RevokeApiKey(merchant_id=merchant, key_id=key_id))

    async def found(self, key: str) -> dict[str, Any] | None:
        """Who calls with this key, as gateways ask."""
        reply = await self.client.ask(FindApiKey(digest=api_key.digest(key)))
        if reply.result is None:
            assert reply.problem is not None
            assert reply.problem.code == "not_found"
        return reply.result

    async def keys(self, merchant: str, caller: str = OWNER, **query: Any) -> list[dict[str, Any]]:
        """A merchant's keys."""
        page = await self.done(ListApiKeys(merchant_id=merchant, **query), caller)
        found: list[dict[str, Any]] = page["data"]
        return found


@pytest.fixture
async def desk(start_worker: Callable[..., Awaitable[Any]], client: Client) -> Desk:
    """All domains in one process."""
    await start_worker("all")
    return Desk(client)
