"""Merchants from the wish to the purge, on a real database."""

import asyncio
from typing import Any

import asyncpg
import pytest

from contracts import topology
from contracts.identity import UserPurged
from contracts.ledger import GetWallet
from contracts.merchants import (
    ApproveMerchant,
    ArchiveMerchant,
    CheckMerchant,
    CreateMerchant,
    FeeTerms,
    GetMerchant,
    ListMerchants,
    PurgeArchivedMerchants,
    PurgeMerchant,
    RestoreArchivedMerchants,
    RestoreMerchant,
    SuspendMerchant,
    UpdateMerchant,
)
from contracts.message import Message
from tests.servers import Database, Vhost
from tests.workers.client import Client
from tests.workers.merchants.conftest import OPERATOR, OWNER, STRANGER, Desk
from workers.merchants.rules import MERCHANTS_MAX

CREATE = CreateMerchant(name="Kopi", currency="IDR")


async def test_a_new_merchant_is_pending_and_its_wallet_is_its_owners(desk: Desk) -> None:
    made = await desk.done(CREATE)
    assert (made["status"], made["owner"], made["fee"]) == ("pending", OWNER, {"fixed": 0, "basis_points": 250})
    assert made["settlement_wallets"] == {"IDR": made["settlement_wallet_id"]}
    wallet = await desk.done(GetWallet(wallet_id=made["settlement_wallet_id"]))
    assert (wallet["currency"], wallet["label"], wallet["status"]) == ("IDR", "Kopi", "active")
    assert await desk.done(GetMerchant(merchant_id=made["id"])) == made


async def test_the_usual_terms_are_a_setting(start_worker: Any, client: Any) -> None:
    await start_worker("all", merchant_fee_fixed=30, merchant_fee_basis_points=175)
    made = await Desk(client).done(CREATE)
    assert made["fee"] == {"fixed": 30, "basis_points": 175}


async def test_the_same_operation_makes_one_merchant_and_one_wallet(desk: Desk) -> None:
    first = desk.client.envelope(CREATE, OWNER)
    again = [desk.client.envelope(CREATE, OWNER, id=first.id) for _ in range(3)]
    await desk.client.send(first, *again)
    replies = [await desk.client.final(envelope) for envelope in (first, *again)]
    assert {reply.status for reply in replies} == {"succeeded"}
    assert len((await desk.done(ListMerchants()))["data"]) == 1


@pytest.mark.parametrize("hosted", [("merchants", "operations"), ("ledger", "operations")])
async def test_apart_it_waits_for_the_other_domain(start_worker: Any, client: Any, hosted: tuple[str, ...]) -> None:
    await start_worker(*hosted)
    envelope = client.envelope(CREATE, OWNER)
    await client.send(envelope)
    await start_worker(*({"merchants", "ledger"} - set(hosted)))
    reply = await client.final(envelope)
    assert reply.result is not None
    assert reply.result["settlement_wallet_id"].startswith("wal_")


@pytest.mark.parametrize("by", ["its owner", "whoever purged its owner"])
async def test_what_is_purged_while_the_ledger_is_away_ends(
    start_worker: Any, client: Any, vhost: Vhost, database: Database, by: str
) -> None:
    await start_worker("merchants", "operations")
    desk, wish = Desk(client), client.envelope(CREATE, OWNER)
    await client.send(wish)
    while not (found := (await desk.done(ListMerchants()))["data"]):  # noqa: ASYNC110 - a database tells nobody
        await asyncio.sleep(0.05)
    if by == "its owner":
        await desk.done(ArchiveMerchant(merchant_id=found[0]["id"]))
        await desk.done(PurgeMerchant(merchant_id=found[0]["id"]))
    else:
        worker = await Client(vhost.workers_url).start()
        await worker.send(worker.envelope(UserPurged(user_id=OWNER), OPERATOR), queue=topology.events("merchants"))
        await worker.stop()
    while (await desk.done(ListMerchants(include="archived")))["data"]:  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0.05)
    await start_worker("ledger")
    reply = await client.final(wish)
    assert reply.problem is not None, reply
    assert reply.problem.code == "not_found"
    connection = await asyncpg.connect(database.admin_url)
    phases = await connection.fetch("SELECT phase FROM runtime.sagas")
    await connection.close()
    assert [row["phase"] for row in phases] == ["failed"]


async def test_its_owner_its_keys_and_operators_see_it_and_nobody_else(desk: Desk) -> None:
    merchant = await desk.merchant()
    for who, oversees in ((OWNER, False), (merchant, False), (OPERATOR, True)):
        assert (await desk.done(GetMerchant(merchant_id=merchant), who, oversees=oversees))["id"] == merchant
        assert [one["id"] for one in (await desk.done(ListMerchants(), who, oversees=oversees))["data"]] == [merchant]
    assert await desk.refused(GetMerchant(merchant_id=merchant), STRANGER) == "not_found"
    assert (await desk.done(ListMerchants(), STRANGER))["data"] == []
    changes: list[Message] = [
        UpdateMerchant(merchant_id=merchant, name="Mine"),
        ArchiveMerchant(merchant_id=merchant),
        RestoreMerchant(merchant_id=merchant),
        PurgeMerchant(merchant_id=merchant),
    ]
    for change in changes:
        assert await desk.refused(change, STRANGER) == "not_found"
        # A key is not its merchant's owner.
        assert await desk.refused(change, merchant) == "not_found"
    for bulk in (RestoreArchivedMerchants(), PurgeArchivedMerchants()):
        assert await desk.done(bulk, STRANGER) == {"count": 0}


async def test_operators_approve_and_suspend_and_that_is_written_down(desk: Desk, database: Database) -> None:
    merchant = await desk.merchant(approved=False)
    for command, status in ((ApproveMerchant, "active"), (SuspendMerchant, "suspended"), (ApproveMerchant, "active")):
        for _ in range(2):
            changed = await desk.done(command(merchant_id=merchant, reason=f"now {status}"), OPERATOR, oversees=True)
            assert changed["status"] == status
    connection = await asyncpg.connect(database.owner_url)
    try:
        rows = await connection.fetch(
            "SELECT actor, reason, after->>'status' FROM operations.audit WHERE object = $1 ORDER BY created_at",
            merchant,
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [
        (OWNER, None, "pending"),
        (OPERATOR, "now active", "active"),
        (OPERATOR, "now suspended", "suspended"),
        (OPERATOR, "now active", "active"),
    ]


async def test_terms_follow_the_merchants_state(desk: Desk) -> None:
    pending, active = await desk.merchant(approved=False), await desk.merchant()
    await desk.done(UpdateMerchant(merchant_id=active, fee=FeeTerms(fixed=1, basis_points=2)), OPERATOR, oversees=True)
    # Workers' own commands come from workers: ask as their broker user would be asked.
    assert await desk.refused(UpdateMerchant(merchant_id=active, fee=FeeTerms(fixed=0, basis_points=0))) == (
        "permission_denied"
    )
    assert CheckMerchant(merchant_id=pending).internal
    view = await desk.done(GetMerchant(merchant_id=active))
    assert view["fee"] == {"fixed": 1, "basis_points": 2}


async def test_archived_restored_purged(desk: Desk) -> None:
    merchant = await desk.merchant()
    assert await desk.refused(PurgeMerchant(merchant_id=merchant)) == "not_archived"
    assert (await desk.done(ArchiveMerchant(merchant_id=merchant)))["archived_at"] is not None
    assert await desk.refused(UpdateMerchant(merchant_id=merchant, name="Teh")) == "merchant_archived"
    assert (await desk.done(ListMerchants()))["data"] == []
    assert len((await desk.done(ListMerchants(include="archived")))["data"]) == 1
    assert (await desk.done(RestoreMerchant(merchant_id=merchant)))["status"] == "active"
    await desk.done(ArchiveMerchant(merchant_id=merchant))
    await desk.done(PurgeMerchant(merchant_id=merchant))
    assert await desk.refused(GetMerchant(merchant_id=merchant)) == "not_found"
    assert await desk.refused(PurgeMerchant(merchant_id=merchant)) == "not_found"


async def test_many_at_once_with_their_keys(desk: Desk) -> None:
    kept, away = await desk.merchant(), [await desk.merchant(approved=False) for _ in range(3)]
    theirs = await desk.merchant(STRANGER)
    _, key = await desk.key(away[0])
    for merchant in away:
        await desk.done(ArchiveMerchant(merchant_id=merchant))
    await desk.done(ArchiveMerchant(merchant_id=theirs), STRANGER)
    assert await desk.done(RestoreArchivedMerchants()) == {"count": 3}
    for merchant in away:
        await desk.done(ArchiveMerchant(merchant_id=merchant))
    assert await desk.done(PurgeArchivedMerchants()) == {"count": 3}
    assert [one["id"] for one in (await desk.done(ListMerchants(include="archived")))["data"]] == [kept]
    assert await desk.found(key) is None
    assert (await desk.done(GetMerchant(merchant_id=theirs), STRANGER))["archived_at"] is not None


async def test_lists_are_filtered(desk: Desk) -> None:
    coffee, tea = await desk.merchant(name="Kopi 100%"), await desk.merchant(name="Teh", approved=False)

    async def listed(**query: Any) -> list[str]:
        return [one["id"] for one in (await desk.done(ListMerchants.model_validate(query)))["data"]]

    assert await listed() == [tea, coffee]
    assert await listed(status="active") == [coffee]
    assert await listed(status="pending") == [tea]
    assert await listed(search="kopi") == [coffee]
    assert await listed(search="%") == [coffee]
    assert await listed(created_from="2100-01-01T00:00:00Z") == []
    assert await listed(created_to="2100-01-01T00:00:00Z") == [tea, coffee]


async def test_nobody_has_more_than_so_many(desk: Desk) -> None:
    envelopes = [desk.client.envelope(CREATE, OWNER) for _ in range(MERCHANTS_MAX)]
    await desk.client.send(*envelopes)
    for envelope in envelopes:
        assert (await desk.client.final(envelope)).status == "succeeded"
    assert await desk.refused(CREATE) == "too_many_merchants"
    assert await desk.merchant(STRANGER, approved=False)
