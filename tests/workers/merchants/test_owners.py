"""Merchants of people who may do nothing: what identity says of them, late, twice and in any order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from contracts import ids, topology
from contracts.identity import UserArchived, UserRestored
from contracts.merchants import CheckMerchant, CreateMerchant, GetMerchant, SuspendMerchant
from contracts.message import Event
from tests.servers import Database, Vhost
from tests.workers.client import Client
from tests.workers.merchants.conftest import OPERATOR, OWNER, Desk

NOTED = "SELECT archived FROM merchants.owners WHERE id = $1"


class Others:
    """What other domains say."""

    def __init__(self, client: Client, rows: Any) -> None:
        self.client = client
        self.rows = rows

    async def say(self, *events: Event, **fields: Any) -> None:
        """These events come, in this order, and are heard."""
        last = UserArchived(user_id=ids.new("usr"))
        envelopes = [self.client.envelope(event, OPERATOR, **fields) for event in events]
        for envelope in (*envelopes, self.client.envelope(last, OPERATOR)):
            await self.client.send(envelope, queue=topology.events("merchants"))
        async with asyncio.timeout(20):
            while await self.rows.fetchval(NOTED, last.user_id) is None:  # noqa: ASYNC110 - tells nobody
                await asyncio.sleep(0.05)

    async def taken(self, merchant: str) -> str:
        """Whether it takes payments, or the code of why it doesn't."""
        reply = await self.client.ask(CheckMerchant(merchant_id=merchant), "saga")
        return reply.status if reply.problem is None else reply.problem.code


@pytest.fixture
async def others(vhost: Vhost, database: Database) -> AsyncIterator[Others]:
    """Speaks as workers do."""
    client, rows = await Client(vhost.workers_url).start(), await asyncpg.connect(database.admin_url)
    yield Others(client, rows)
    await rows.close()
    await client.stop()


async def active(desk: Desk, key: str) -> bool:
    """What gateways are told of a key."""
    found = await desk.found(key)
    assert found is not None
    return bool(found["active"])


async def test_it_and_its_keys_rest_until_its_owner_is_restored(desk: Desk, others: Others) -> None:
    merchant, suspended = await desk.merchant(), await desk.merchant()
    _, key = await desk.key(merchant)
    before = await desk.done(GetMerchant(merchant_id=merchant))
    await others.say(UserArchived(user_id=OWNER, version=2))
    assert (await others.taken(merchant), await active(desk, key)) == ("merchant_not_active", False)
    await desk.done(SuspendMerchant(merchant_id=suspended, reason="Police"), OPERATOR, oversees=True)
    await others.say(UserRestored(user_id=OWNER, version=3))
    assert (await others.taken(merchant), await active(desk, key)) == ("succeeded", True)
    assert await others.taken(suspended) == "merchant_not_active"
    assert await desk.done(GetMerchant(merchant_id=merchant)) == before


async def test_the_newest_word_counts_whichever_came_last(desk: Desk, others: Others) -> None:
    merchant = await desk.merchant()
    await others.say(UserRestored(user_id=OWNER, version=3), UserArchived(user_id=OWNER, version=2))
    assert await others.taken(merchant) == "succeeded"
    again = ids.new("msg")
    await others.say(UserArchived(user_id=OWNER, version=4), id=again)
    await others.say(UserRestored(user_id=OWNER, version=5))
    await others.say(UserArchived(user_id=OWNER, version=4), id=again)
    await others.say(UserArchived(user_id=OWNER, version=4))
    assert await others.taken(merchant) == "succeeded"


async def test_a_wish_in_flight_makes_no_merchant_for_somebody_archived(desk: Desk, others: Others) -> None:
    await others.say(UserArchived(user_id=OWNER, version=2))
    assert await desk.refused(CreateMerchant(name="Kopi", currency="IDR")) == "permission_denied"
    await others.say(UserRestored(user_id=OWNER, version=3))
    await desk.merchant()
