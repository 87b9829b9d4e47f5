"""People over HTTP: their profile, and what those who run the system do with them."""

import asyncio

import asyncpg
import pytest

from tests.journeys.conftest import Meet
from tests.people import Json, Person
from tests.shops import Shop, by_id, printed
from tests.system import System, eventually

SECONDS = 20


async def with_role(system: System, person: Person, role: str) -> Person:
    """The same person with this role beside their own, and a token that says so."""
    connection = await asyncpg.connect(system.servers.database)
    statement = "UPDATE identity.users SET roles = roles || to_jsonb($2::text) WHERE id = $1"
    await connection.execute(statement, person.user["id"], role)
    await connection.close()
    person.token = (await person.log_in())["access_token"]
    return person


def profile(person: Person) -> str:
    return f"/v1/users/{person.user['id']}"


async def test_a_profile_is_changed_by_who_read_it_last(ani: Person) -> None:
    read = await ani.get(profile(ani))
    assert (read.status, read.headers["ETag"], read.json["version"]) == (200, '"1"', 1)
    first = await ani.call("PATCH", profile(ani), {"first_name": "Anita"}, headers={"If-Match": '"1"'})
    assert (first.status, first.headers["ETag"], first.json["first_name"]) == (200, '"2"', "Anita")
    for tag in ('"1"', '"9"', 'W/"2"', "2", '"2", "3"', ""):
        late = await ani.call("PATCH", profile(ani), {"first_name": "Late"}, headers={"If-Match": tag})
        assert (late.status, late.code) == (409, "version_conflict"), tag
    late = await ani.call("PATCH", profile(ani), {"first_name": "Late", "version": 1})
    assert (late.status, late.code) == (409, "version_conflict")
    both = await ani.call("PATCH", profile(ani), {"last_name": "W", "version": 2}, headers={"If-Match": '"3"'})
    assert (both.status, both.code) == (409, "version_conflict")
    again = await ani.call("PATCH", profile(ani), {"last_name": "W", "version": 2}, headers={"If-Match": "*"})
    assert (again.status, again.json["version"]) == (200, 3)
    assert (await ani.read("/v1/auth/me"))["first_name"] == "Anita"


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ["admin"]},
        {"role": "admin"},
        {"status": "archived"},
        {"password": "correct horse battery"},
        {"id": "usr_x"},
        {"admin": True},
        {"email": "not an address"},
        {"first_name": ""},
        {"version": 0},
        {"version": "1"},
    ],
    ids=str,
)
async def test_what_is_not_for_patching_is_not_patched(ani: Person, change: dict[str, Json]) -> None:
    before = await ani.read("/v1/auth/me")
    refused = await ani.call("PATCH", profile(ani), change)
    assert (refused.status, refused.code) == (422, "validation_failed")
    assert await ani.read("/v1/auth/me") == before


async def test_support_reads_everybody_and_changes_nobody(
    system: System, ani: Person, budi: Person, nobody: Person
) -> None:
    support = await with_role(system, budi, "support")
    assert (await support.get(profile(ani))).json["email"] == ani.email
    [found] = await support.listed(f"/v1/users?search={ani.email}")
    assert found["id"] == ani.user["id"]
    change = await support.call("PATCH", profile(ani), {"first_name": "X"})
    assert (change.status, change.code) == (404, "not_found")
    about = {"email": nobody.email, "first_name": "N", "last_name": "B"}
    for method, path, body in (
        ("POST", f"{profile(ani)}/archive", {}),
        ("POST", f"{profile(ani)}/restore", {}),
        ("DELETE", profile(ani), None),
        ("POST", "/v1/users/archived/restore", {}),
        ("DELETE", "/v1/users/archived", None),
        ("POST", "/v1/users", about),
    ):
        refused = await support.call(method, path, body)
        assert (refused.status, refused.code) == (403, "permission_denied"), path


async def test_an_operator_makes_customers_and_is_stopped_before_admins(
    system: System, ani: Person, admin: Person, nobody: Person
) -> None:
    operator = await with_role(system, ani, "operator")
    about = {"email": nobody.email, "password": nobody.password, "first_name": "Ne", "last_name": "Wel"}
    assert (await operator.post("/v1/users", about | {"roles": ["admin"]})).status == 422
    made = await operator.post("/v1/users", about)
    assert (made.status, made.json["roles"]) == (201, ["customer"])
    assert made.headers["Location"] == f"/v1/users/{made.json['id']}"
    assert (await operator.post("/v1/users", about)).code == "email_taken"
    assert (await nobody.log_in())["access_token"]
    for method, path, body in (
        ("PATCH", profile(admin), {"email": "mine@example.com"}),
        ("POST", f"{profile(admin)}/archive", {}),
        ("DELETE", profile(admin), None),
    ):
        refused = await operator.call(method, path, body)
        assert (refused.status, refused.code) == (403, "permission_denied"), method


async def test_somebody_is_archived_restored_and_purged(admin: Person, ani: Person, nobody: Person) -> None:
    credentials = {"email": ani.email, "password": ani.password}
    assert (await admin.call("DELETE", profile(ani))).code == "not_archived"
    archived = await admin.post(f"{profile(ani)}/archive", {"reason": "Asked for it"})
    assert (archived.status, archived.json["status"]) == (200, "archived")
    assert (await nobody.post("/v1/auth/login", credentials)).code == "credentials_invalid"

    async def shut_out() -> bool:
        return [(await ani.get("/v1/auth/me", at=gateway)).status for gateway in (0, 1)] == [401, 401]

    await eventually("the archive at every gateway", SECONDS, shut_out)
    assert await admin.listed(f"/v1/users?search={ani.email}") == []
    assert len(await admin.listed(f"/v1/users?search={ani.email}&include=archived")) == 1
    assert (await admin.post(f"{profile(ani)}/restore")).json["status"] == "active"
    assert (await nobody.post("/v1/auth/login", credentials)).status == 200
    await admin.post(f"{profile(ani)}/archive")
    assert (await admin.call("DELETE", profile(ani))).status == 204
    assert (await admin.get(profile(ani))).status == 404
    trail = await admin.listed(f"/v1/audit?object={ani.user['id']}")
    actions = [entry["action"].partition(".")[2] for entry in reversed(trail)]
    assert actions == ["Register", "ArchiveUser", "RestoreUser", "ArchiveUser", "PurgeUser"]
    assert trail[3]["reason"] == "Asked for it"
    assert {entry["actor"] for entry in trail[:4]} == {admin.user["id"]}


async def test_nothing_acts_for_somebody_archived_until_they_are_restored(
    admin: Person, ani: Person, budi: Person
) -> None:
    """Ani is archived: neither her card nor her shop's key works anywhere, and what others send her arrives."""
    mine, other = await Shop.opened(ani, admin), await Shop.opened(budi, admin)
    purse = await budi.open(funds=5_000)
    theirs, card = await budi.issue(purse), await ani.issue(await ani.open(funds=5_000))
    waiting = await mine.authorize(by_id(theirs), 100)
    assert (await other.pay(by_id(card), 100)).status == 201
    assert (await admin.post(f"{profile(ani)}/archive", {"reason": "Fraud"})).status == 200

    async def silent() -> bool:
        answers = [await mine.get("/v1/payments", at=gateway) for gateway in (0, 1)]
        return {(answer.status, answer.json.get("code")) for answer in answers} == {(403, "merchant_not_active")}

    async def useless() -> bool:
        return bool((await other.pay(by_id(card), 1)).json.get("code") == "card_frozen")

    await eventually("the archive at every gateway, for keys", SECONDS, silent)
    await eventually("the archive, for cards", SECONDS, useless)
    assert (await other.pay(printed(card), 100)).code == "declined"
    assert (await mine.pay(by_id(theirs), 100)).code == "merchant_not_active"
    assert (await mine.move(waiting, "capture")).code == "merchant_not_active"
    assert (await admin.read(f"/v1/cards/{card['id']}"))["status"] == "active"
    assert (await budi.transfer(purse, card["wallet_id"], 100)).status == 201
    assert (await admin.post(f"{profile(ani)}/restore")).status == 200

    async def again() -> bool:
        return [(await mine.get("/v1/payments", at=gateway)).status for gateway in (0, 1)] == [200, 200]

    async def useful() -> bool:
        return (await other.pay(by_id(card), 100)).status == 201

    await eventually("the restore at every gateway, for keys", SECONDS, again)
    await eventually("the restore, for cards", SECONDS, useful)
    assert (await other.pay(printed(card), 100)).status == 201
    assert (await mine.move(waiting, "capture")).status == 200


async def test_a_purge_leaves_money_in_the_books_and_nothing_that_acts(
    admin: Person, ani: Person, budi: Person
) -> None:
    wallet, other = await ani.open(funds=1_000), await budi.open(funds=500)
    card = await ani.issue(wallet)
    merchant = (await ani.post("/v1/merchants", {"name": "Kopi", "currency": "IDR"})).json["id"]
    await admin.post(f"{profile(ani)}/archive")
    assert (await admin.call("DELETE", profile(ani))).status == 204

    async def gone() -> bool:
        answers = [await admin.get(f"/v1/cards/{card['id']}"), await admin.get(f"/v1/merchants/{merchant}")]
        return [answer.status for answer in answers] == [404, 404]

    await eventually("the purge", SECONDS, gone)
    assert await admin.balance(wallet) == (1_000, 0, 1_000)
    assert (await budi.transfer(other, wallet, 100)).status == 201
    assert (await budi.transfer(other, ani.email, 100)).code == "not_found"


async def test_all_who_are_archived_at_once(admin: Person, meet: Meet) -> None:
    people = [await meet() for _ in range(3)]
    shop = await Shop.opened(people[0], admin)
    await asyncio.gather(*(admin.post(f"{profile(one)}/archive") for one in people))
    restored = await admin.post("/v1/users/archived/restore", {"reason": "All back"})
    assert (restored.status, restored.json.keys()) == (200, {"count"})
    assert restored.json["count"] >= 3
    assert {(await admin.read(profile(one)))["status"] for one in people} == {"active"}

    async def open_again() -> bool:
        return (await shop.get("/v1/payments", at=1)).status == 200

    await eventually("the restore of a shop", SECONDS, open_again)
    await asyncio.gather(*(admin.post(f"{profile(one)}/archive") for one in people))
    purged = await admin.call("DELETE", "/v1/users/archived")
    assert (purged.status, purged.json["count"] >= 3) == (200, True)
    assert {(await admin.get(profile(one))).status for one in people} == {404}
