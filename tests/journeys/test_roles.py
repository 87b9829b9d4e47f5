"""Roles: made, changed and given by those who have what they give, and in force everywhere at once."""

import asyncio
import secrets

import pytest

from tests.journeys.conftest import Meet
from tests.people import Answer, Json, Person
from tests.system import eventually

SOON_SECONDS = 10


async def _make(admin: Person, *permissions: str) -> Json:
    name = f"r{secrets.token_hex(6)}"
    answer = await admin.post("/v1/roles", {"name": name, "permissions": list(permissions)})
    assert answer.status == 201, answer
    return answer.json


async def _give(admin: Person, person: Person, *roles: str) -> Answer:
    return await admin.call("PUT", f"/v1/users/{person.user['id']}/roles", {"roles": list(roles)})


async def _may(person: Person, path: str, *, may: bool) -> None:
    """With the token that they have had all along, at both gateways."""
    for at in range(len(person.gateways)):

        async def holds(at: int = at) -> bool:
            return ((await person.get(path, at=at)).status == 200) is may

        await eventually(f"may read {path}: {may}", SOON_SECONDS, holds)


async def test_a_role_is_in_force_everywhere_at_once(admin: Person, ani: Person) -> None:
    role = await _make(admin, "audit:read")
    assert (await ani.get("/v1/audit")).status == 403
    given = await _give(admin, ani, "customer", role["name"])
    assert (given.status, given.json["roles"]) == (200, ["customer", role["name"]])
    await _may(ani, "/v1/audit", may=True)
    me = await ani.read("/v1/auth/me")
    assert "audit:read" in me["permissions"]

    changed = await admin.call("PATCH", f"/v1/roles/{role['id']}", {"permissions": ["roles:read"]})
    assert (changed.status, changed.json["version"]) == (200, 2)
    await _may(ani, "/v1/audit", may=False)
    await _may(ani, "/v1/roles", may=True)

    assert (await admin.post(f"/v1/roles/{role['id']}/archive")).json["status"] == "archived"
    await _may(ani, "/v1/roles", may=False)
    assert (await admin.post(f"/v1/roles/{role['id']}/restore")).json["status"] == "active"
    await _may(ani, "/v1/roles", may=True)
    assert (await _give(admin, ani, "customer")).status == 200
    await _may(ani, "/v1/roles", may=False)


async def test_nobody_hands_on_more_than_they_have(admin: Person, ani: Person, budi: Person) -> None:
    clerk = await _make(admin, "roles:read", "roles:create", "roles:update", "roles:assign", "roles:delete")
    assert (await _give(admin, ani, "customer", clerk["name"])).status == 200
    await _may(ani, "/v1/roles", may=True)
    strong = await _make(admin, "audit:read")
    refusals = [
        await _give(ani, ani, "admin"),
        await _give(ani, budi, "customer", "operator"),
        await _give(ani, budi, "customer", strong["name"]),
        await _give(ani, admin, "customer"),
        await ani.post("/v1/roles", {"name": f"r{secrets.token_hex(6)}", "permissions": ["audit:read"]}),
        await ani.call("PATCH", f"/v1/roles/{clerk['id']}", {"permissions": ["audit:read"]}),
        await ani.call("PATCH", f"/v1/roles/{strong['id']}", {"permissions": []}),
        await ani.post(f"/v1/roles/{strong['id']}/archive"),
    ]
    assert {(answer.status, answer.code) for answer in refusals} == {(403, "permission_denied")}
    assert (await admin.read(f"/v1/roles/{strong['id']}"))["permissions"] == ["audit:read"]
    # What they have they may hand on.
    assert (await _give(ani, budi, "customer", clerk["name"])).status == 200


async def test_the_built_in_roles_stay_as_they_are(admin: Person) -> None:
    for name in ("admin", "customer"):
        for answer in (
            await admin.call("PATCH", f"/v1/roles/rol_{name}", {"permissions": []}),
            await admin.post(f"/v1/roles/rol_{name}/archive"),
            await admin.call("DELETE", f"/v1/roles/rol_{name}"),
        ):
            assert (answer.status, answer.code) == (409, "role_builtin")
        taken = await admin.post("/v1/roles", {"name": name, "permissions": []})
        assert (taken.status, taken.code) == (409, "role_name_taken")
    listed = [role["name"] for role in await admin.listed("/v1/roles")]
    assert set(listed[-5:]) == {"admin", "operator", "support", "merchant", "customer"}
    assert (await admin.read("/v1/roles/rol_support"))["builtin"] is True


async def test_a_version_that_is_not_the_roles_is_a_conflict(admin: Person) -> None:
    role = await _make(admin, "roles:read")
    path = f"/v1/roles/{role['id']}"
    both = [{"description": text, "version": 1} for text in ("One", "Another")]
    answers = await asyncio.gather(*(admin.call("PATCH", path, body) for body in both))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert next(answer.code for answer in answers if answer.status == 409) == "version_conflict"
    assert (await admin.read(path))["version"] == 2


async def test_a_purged_role_is_gone_and_its_name_stays_taken(admin: Person) -> None:
    role = await _make(admin, "roles:read")
    path = f"/v1/roles/{role['id']}"
    early = await admin.call("DELETE", path)
    assert (early.status, early.code) == (409, "not_archived")
    await admin.post(f"{path}/archive")
    assert (await admin.call("DELETE", path)).status == 204
    assert (await admin.get(path)).status == 404
    again = await admin.post("/v1/roles", {"name": role["name"], "permissions": []})
    assert (again.status, again.code) == (409, "role_name_taken")


async def test_archived_roles_are_restored_and_purged_together(admin: Person) -> None:
    roles = [await _make(admin, "roles:read") for _ in range(2)]
    for role in roles:
        await admin.post(f"/v1/roles/{role['id']}/archive")
    archived = {role["id"] for role in await admin.listed("/v1/roles?status=archived")}
    assert {role["id"] for role in roles} <= archived
    restored = await admin.post("/v1/roles/archived/restore")
    assert (restored.status, restored.json["count"]) == (200, len(archived))
    for role in roles:
        await admin.post(f"/v1/roles/{role['id']}/archive")
    purged = await admin.call("DELETE", "/v1/roles/archived")
    assert (purged.status, purged.json) == (200, {"count": 2})


async def test_one_admin_is_always_left(admin: Person, meet: Meet) -> None:
    """Of many who take it from one another at once, the last one keeps it."""
    others = [await meet() for _ in range(2)]
    for other in others:
        assert (await _give(admin, other, "customer", "admin")).status == 200
        await _may(other, "/v1/roles", may=True)
    answers = await asyncio.gather(*(_give(one, one, "customer") for one in (admin, *others)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert {answer.code for answer in answers if answer.status == 409} <= {"last_admin"}


async def test_bad_roles(admin: Person) -> None:
    for body in (
        {},
        {"name": "Röle", "permissions": []},
        {"name": "x", "permissions": []},
        {"name": "fine", "permissions": ["everything"]},
        {"name": "fine", "permissions": "roles:read"},
        {"name": "fine", "permissions": [], "builtin": True},
    ):
        answer = await admin.post("/v1/roles", body)
        assert (answer.status, answer.code) == (422, "validation_failed"), body


async def test_unknown_permissions_and_roles(admin: Person, ani: Person) -> None:
    unknown = await admin.post("/v1/roles", {"name": "fine", "permissions": ["cows:milk"]})
    assert (unknown.status, unknown.code) == (422, "permission_unknown")
    nobody_has = await _give(admin, ani, "customer", "no-such-role")
    assert (nobody_has.status, nobody_has.code) == (422, "role_unknown")
    nobody = await admin.call("PUT", "/v1/users/usr_nobody/roles", {"roles": ["customer"]})
    assert (nobody.status, nobody.code) == (404, "not_found")
    assert "roles:assign" in (await admin.read("/v1/permissions"))["data"]


@pytest.mark.parametrize("path", ["/v1/roles", "/v1/permissions"])
async def test_lists_that_are_short_have_pages_too(admin: Person, path: str) -> None:
    whole = (await admin.read(f"{path}?limit=100"))["data"]
    walked: list[Json] = []
    page = await admin.read(f"{path}?limit=3")
    while page["has_more"]:
        assert len(page["data"]) == 3
        walked += page["data"]
        page = await admin.read(f"{path}?limit=3&after={page['next']}")
    assert walked + page["data"] == whole
    lost = await admin.get(f"{path}?after=WyJ4Il0")
    assert (lost.status, lost.code) == (422, "cursor_invalid")


async def test_roles_are_given_to_whom_one_has_seen(admin: Person, ani: Person) -> None:
    path, role = f"/v1/users/{ani.user['id']}/roles", {"roles": ["customer", "merchant"]}
    seen = await admin.get(path.removesuffix("/roles"))
    assert (await admin.call("PUT", path, role, headers={"If-Match": seen.headers["ETag"]})).status == 200
    for late in (
        await admin.call("PUT", path, {"roles": ["customer"]}, headers={"If-Match": seen.headers["ETag"]}),
        await admin.call("PUT", path, {"roles": ["customer"], "version": seen.json["version"]}),
    ):
        assert (late.status, late.code) == (409, "version_conflict")
    assert (await ani.read("/v1/auth/me"))["roles"] == ["customer", "merchant"]


async def test_customers_have_no_say(ani: Person, budi: Person) -> None:
    for method, path, body in (
        ("GET", "/v1/roles", None),
        ("GET", "/v1/permissions", None),
        ("POST", "/v1/roles", {"name": "mine", "permissions": []}),
        ("PUT", f"/v1/users/{budi.user['id']}/roles", {"roles": ["customer"]}),
        ("PUT", f"/v1/users/{ani.user['id']}/roles", {"roles": ["admin"]}),
        ("POST", "/v1/roles/archived/restore", None),
        ("DELETE", "/v1/roles/archived", None),
    ):
        answer = await ani.call(method, path, body)
        assert (answer.status, answer.code) == (403, "permission_denied")
