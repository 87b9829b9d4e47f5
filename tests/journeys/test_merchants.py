"""Merchants and their API keys, from the wish to the last request of a revoked key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from tests.journeys.conftest import Meet
from tests.people import Answer, Json, Person, key
from tests.system import System, eventually

KOPI = {"name": "Kopi", "currency": "IDR"}
SCOPES = ["merchants:read", "payments:create"]
PATIENCE_SECONDS = 30


async def open_merchant(owner: Person, admin: Person | None = None, **fields: Json) -> str:
    """The id of a new merchant, approved by `admin` if there is one."""
    made = await owner.post("/v1/merchants", KOPI | fields)
    assert made.status == 201, made
    merchant: str = made.json["id"]
    if admin is not None:
        approved = await admin.post(f"/v1/merchants/{merchant}/approve", {"reason": "Papers seen"})
        assert (approved.status, approved.json["status"]) == (200, "active")
    return merchant


async def make_key(owner: Person, merchant: str, **fields: Json) -> Json:
    """A new key as it is shown once."""
    made = await owner.post(f"/v1/merchants/{merchant}/api-keys", {"name": "Till", "scopes": SCOPES, **fields})
    assert made.status == 201, made
    return made.json


@pytest.fixture
def machine(system: System, http: aiohttp.ClientSession) -> Any:
    """Somebody's machine, with a key for a token."""

    def machine(api_key: str) -> Person:
        caller = Person(http, system.gateways)
        caller.token = api_key
        return caller

    return machine


async def settles(caller: Person, path: str, status: int) -> None:
    """Every gateway answers with this status, sooner or later."""
    for at in range(len(caller.gateways)):

        async def answered(at: int = at) -> bool:
            return (await caller.get(path, at=at)).status == status

        await eventually(f"gateway {at} answers {status}", PATIENCE_SECONDS, answered)


async def test_a_merchant_is_pending_until_an_operator_approves(ani: Person, admin: Person) -> None:
    made = await ani.post("/v1/merchants", KOPI | {"webhook_url": "https://kopi.example/hooks"}, key=key())
    assert made.status == 201
    merchant = made.json
    assert made.headers["Location"] == f"/v1/merchants/{merchant['id']}"
    assert (merchant["status"], merchant["owner"]) == ("pending", ani.user["id"])
    wallet = await ani.read(f"/v1/wallets/{merchant['settlement_wallet_id']}")
    assert (wallet["currency"], wallet["balance"]["posted"]) == ("IDR", 0)
    path = f"/v1/merchants/{merchant['id']}"
    for status, move in (("active", "approve"), ("suspended", "suspend"), ("active", "approve")):
        changed = await admin.post(f"{path}/{move}", {"reason": "Papers seen"})
        assert (changed.status, changed.json["status"]) == (200, status)
        assert (await ani.read(path))["status"] == status


async def test_the_same_key_makes_the_same_merchant(ani: Person) -> None:
    again = key()
    first, second = [await ani.post("/v1/merchants", KOPI, key=again) for _ in range(2)]
    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(await ani.listed("/v1/merchants")) == 1


async def test_only_operators_approve_and_a_reason_says_something(ani: Person, admin: Person) -> None:
    path = f"/v1/merchants/{await open_merchant(ani)}"
    for move in ("approve", "suspend"):
        refused = await ani.post(f"{path}/{move}", {"reason": "I say so"})
        assert (refused.status, refused.code) == (403, "permission_denied")
        for body in ({"reason": ""}, {"reason": "  "}, {"reason": 5}):
            assert (await admin.post(f"{path}/{move}", body)).code == "validation_failed"
    assert (await admin.post(f"{path}/suspend", {"reason": "Too early"})).code == "merchant_pending"
    fee = {"fee": {"fixed": 0, "basis_points": 1}}
    assert (await ani.call("PATCH", path, fee)).code == "permission_denied"
    assert (await ani.read(path))["status"] == "pending"
    assert (await admin.call("PATCH", path, fee)).json["fee"] == fee["fee"]
    assert (await admin.post(f"{path}/approve")).json["status"] == "active"


async def test_a_merchant_is_changed_archived_restored_and_purged(ani: Person, budi: Person) -> None:
    merchant = await open_merchant(ani, webhook_url="https://kopi.example/hooks")
    path = f"/v1/merchants/{merchant}"
    renamed = await ani.call("PATCH", path, {"name": "Teh"})
    assert (renamed.json["name"], renamed.json["webhook_url"]) == ("Teh", "https://kopi.example/hooks")
    assert (await ani.call("PATCH", path, {"webhook_url": None})).json["webhook_url"] is None
    assert (await ani.call("DELETE", path)).code == "not_archived"
    assert (await ani.post(f"{path}/archive")).json["archived_at"] is not None
    assert await ani.listed("/v1/merchants") == []
    assert len(await ani.listed("/v1/merchants?include=archived&search=teh")) == 1
    assert (await ani.post("/v1/merchants/archived/restore")).json == {"count": 1}
    await ani.post(f"{path}/archive")
    assert (await budi.call("DELETE", "/v1/merchants/archived")).json == {"count": 0}
    purged = await ani.call("DELETE", "/v1/merchants/archived")
    assert (purged.status, purged.json) == (200, {"count": 1})
    assert (await ani.get(path)).code == "not_found"


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Kopi"},
        {"name": "", "currency": "IDR"},
        {"name": "x" * 101, "currency": "IDR"},
        {"name": "Kopi", "currency": "XXX"},
        KOPI | {"status": "active"},
        KOPI | {"owner": "usr_other"},
        KOPI | {"fee": {"fixed": 0, "basis_points": 0}},
        KOPI | {"webhook_url": "ftp://kopi.example"},
        KOPI | {"webhook_url": "https://user:secret@kopi.example"},
    ],
)
async def test_what_is_no_merchant_makes_none(ani: Person, body: Json) -> None:
    assert (await ani.post("/v1/merchants", body)).code == "validation_failed"
    assert await ani.listed("/v1/merchants") == []


async def test_a_key_is_shown_once_and_calls_for_its_merchant(ani: Person, admin: Person, machine: Any) -> None:
    merchant = await open_merchant(ani, admin)
    path, repeated = f"/v1/merchants/{merchant}/api-keys", key()
    body = {"name": "Till", "scopes": SCOPES}
    made = await ani.post(path, body, key=repeated)
    assert made.status == 201
    assert made.headers["Location"] == f"{path}/{made.json['id']}"
    assert made.json["key"].startswith(made.json["prefix"])
    assert (await ani.post(path, body, key=repeated)).json == made.json
    [listed] = await ani.listed(path)
    assert "key" not in listed
    assert await ani.read(made.headers["Location"]) == listed
    till = machine(made.json["key"])
    for at in range(len(till.gateways)):
        assert (await till.read(f"/v1/merchants/{merchant}", at=at))["id"] == merchant
        assert [one["id"] for one in await till.listed("/v1/merchants", at=at)] == [merchant]
    for refused in await _what_takes_a_person(till, merchant):
        assert (refused.status, refused.code) == (403, "permission_denied")


async def _what_takes_a_person(till: Person, merchant: str) -> list[Answer]:
    keys = f"/v1/merchants/{merchant}/api-keys"
    return [
        await till.get("/v1/auth/me"),
        await till.get("/v1/wallets"),
        await till.post("/v1/merchants", KOPI),
        await till.call("PATCH", f"/v1/merchants/{merchant}", {"name": "Mine"}),
        await till.post(f"/v1/merchants/{merchant}/approve", {"reason": "I say so"}),
        await till.get(keys),
        await till.post(keys, {"name": "Another", "scopes": SCOPES}),
    ]


async def test_a_key_sees_nothing_of_other_merchants(ani: Person, budi: Person, admin: Person, machine: Any) -> None:
    mine, theirs = await open_merchant(ani, admin), await open_merchant(budi, admin)
    till = machine((await make_key(ani, mine))["key"])
    assert (await till.get(f"/v1/merchants/{theirs}")).code == "not_found"
    assert [one["id"] for one in await till.listed("/v1/merchants")] == [mine]


async def test_scopes_are_those_that_keys_can_have(ani: Person, admin: Person) -> None:
    merchant = await open_merchant(ani, admin)
    path = f"/v1/merchants/{merchant}/api-keys"
    for scopes in ([], ["wallets:read"], ["merchants:approve"], ["merchants:read_any"], ["api_keys:create"], ["*"]):
        assert (await ani.post(path, {"name": "Till", "scopes": scopes})).code == "validation_failed"
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert (await ani.post(path, {"name": "Till", "scopes": SCOPES, "expires_at": past})).code == "expiry_invalid"
    assert await ani.listed(path) == []


async def test_a_revoked_key_ends_at_every_gateway(ani: Person, admin: Person, machine: Any) -> None:
    merchant = await open_merchant(ani, admin)
    made, kept = await make_key(ani, merchant), await make_key(ani, merchant)
    path, till = f"/v1/merchants/{merchant}", machine(made["key"])
    await settles(till, path, 200)
    assert (await ani.call("DELETE", f"{path}/api-keys/{made['id']}")).status == 204
    await settles(till, path, 401)
    assert (await till.get(path)).code == "api_key_invalid"
    assert (await machine(kept["key"]).get(path)).status == 200
    assert [one["status"] for one in await ani.listed(f"{path}/api-keys")] == ["active", "revoked"]


async def test_who_is_told_that_a_key_is_revoked_may_count_on_it(ani: Person, admin: Person, machine: Any) -> None:
    merchant = await open_merchant(ani, admin)
    path = f"/v1/merchants/{merchant}"
    for _ in range(8):
        made = await make_key(ani, merchant)
        till = machine(made["key"])
        assert (await till.get(path, at=0)).status == 200
        assert (await ani.call("DELETE", f"{path}/api-keys/{made['id']}", at=0)).status == 204
        assert (await till.get(path, at=0)).code == "api_key_invalid"


async def test_a_rotated_key_overlaps_with_the_new_one(ani: Person, admin: Person, machine: Any) -> None:
    merchant = await open_merchant(ani, admin)
    old = await make_key(ani, merchant)
    path = f"/v1/merchants/{merchant}/api-keys/{old['id']}"
    till = machine(old["key"])
    await settles(till, f"/v1/merchants/{merchant}", 200)
    rotated = await ani.post(f"{path}/rotate", {"overlap_seconds": 60})
    assert rotated.status == 201
    assert rotated.headers["Location"] == f"/v1/merchants/{merchant}/api-keys/{rotated.json['id']}"
    new = machine(rotated.json["key"])
    for caller in (till, new):
        await settles(caller, f"/v1/merchants/{merchant}", 200)
    assert (await ani.read(path))["replaced_by"] == rotated.json["id"]
    assert (await ani.post(f"{path}/rotate", {"overlap_seconds": 0})).code == "api_key_ended"
    assert (await ani.post(f"{path}/rotate", {"overlap_seconds": -1})).code == "validation_failed"
    at_once = await ani.post(f"/v1/merchants/{merchant}/api-keys/{rotated.json['id']}/rotate", {})
    assert at_once.status == 201
    await settles(new, f"/v1/merchants/{merchant}", 401)
    await settles(till, f"/v1/merchants/{merchant}", 200)


async def test_a_suspended_merchants_keys_stop_until_it_is_approved_again(
    ani: Person, admin: Person, machine: Any
) -> None:
    merchant = await open_merchant(ani)
    path, till = f"/v1/merchants/{merchant}", machine((await make_key(ani, merchant))["key"])
    assert (await till.get(path)).code == "merchant_not_active"
    await admin.post(f"{path}/approve", {"reason": "Papers seen"})
    await settles(till, path, 200)
    await admin.post(f"{path}/suspend", {"reason": "Complaints"})
    await settles(till, path, 403)
    assert (await till.get(path)).code == "merchant_not_active"
    await admin.post(f"{path}/approve", {"reason": "Settled"})
    await settles(till, path, 200)
    await ani.post(f"{path}/archive")
    await settles(till, path, 403)
    await ani.call("DELETE", path)
    await settles(till, path, 401)


async def test_somebody_elses_merchant_is_not_there(meet: Meet, ani: Person) -> None:
    stranger, merchant = await meet(), await open_merchant(ani)
    made = await make_key(ani, merchant)
    path = f"/v1/merchants/{merchant}"
    before = [await ani.read(path), await ani.listed(f"{path}/api-keys")]
    answers = [
        await stranger.get(path),
        await stranger.call("PATCH", path, {"name": "Mine"}),
        await stranger.post(f"{path}/archive"),
        await stranger.post(f"{path}/restore"),
        await stranger.call("DELETE", path),
        await stranger.get(f"{path}/api-keys"),
        await stranger.post(f"{path}/api-keys", {"name": "Mine", "scopes": SCOPES}),
        await stranger.get(f"{path}/api-keys/{made['id']}"),
        await stranger.post(f"{path}/api-keys/{made['id']}/rotate", {}),
        await stranger.call("DELETE", f"{path}/api-keys/{made['id']}"),
    ]
    assert {(answer.status, answer.code) for answer in answers} == {(404, "not_found")}
    assert [await ani.read(path), await ani.listed(f"{path}/api-keys")] == before
