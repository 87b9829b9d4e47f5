"""People as they and others change them: who may, what is told of it, and what is left of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from contracts.cards import IssueCard
from contracts.identity import (
    ArchiveUser,
    AssignRoles,
    CreateUser,
    FindUserByEmail,
    GetMe,
    GetUser,
    ListUsers,
    PurgeArchivedUsers,
    PurgeUser,
    Refresh,
    RestoreArchivedUsers,
    RestoreUser,
    UpdateUser,
)
from contracts.ledger import OpenWallet
from contracts.merchants import CreateApiKey, CreateMerchant
from contracts.message import Asked
from contracts.operations import Reply
from tests.servers import Database, Vhost
from tests.workers.client import Client
from tests.workers.identity.conftest import PASSWORD, Desk
from workers.identity import forgetting, lots
from workers.runtime.database import Database as Writer


class Office:
    """A desk at which operators work too."""

    def __init__(self, desk: Desk, rows: asyncpg.Connection) -> None:
        self.desk = desk
        self.rows = rows

    async def person(self, name: str, *roles: str) -> str:
        """The id of somebody with these roles, or a customer."""
        reply = await self.desk.register(f"{name}@example.com")
        assert reply.result is not None, reply
        key: str = reply.result["id"]
        if roles:
            statement = "UPDATE identity.users SET roles = $2, admin = $3 WHERE id = $1"
            await self.rows.execute(statement, key, f'["{roles[0]}"]', "admin" in roles)
        return key

    async def done(self, message: Asked[Any], by: str, *, oversees: bool = True) -> dict[str, Any]:
        """What a message that succeeds is answered."""
        reply = await self.ask(message, by, oversees=oversees)
        assert reply.result is not None, reply
        return reply.result

    async def refused(self, message: Asked[Any], by: str, *, oversees: bool = True) -> str:
        """The code of what a message is refused with."""
        reply = await self.ask(message, by, oversees=oversees)
        assert reply.problem is not None, reply
        return reply.problem.code

    async def ask(self, message: Asked[Any], by: str, *, oversees: bool = True) -> Reply:
        return await self.desk.client.ask(message, by, oversees=oversees)

    async def found(self, by: str, *, oversees: bool = True, **filters: Any) -> list[str]:
        """The names in a list of people."""
        page = await self.done(ListUsers(**filters), by, oversees=oversees)
        return [user["email"].partition("@")[0] for user in page["data"]]

    async def until(self, query: str, expected: Any) -> None:
        """A saga over the broker takes its time."""
        async with asyncio.timeout(20):
            while (await self.rows.fetchval(query)) != expected:  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.05)


@pytest.fixture
async def office(start_worker: Callable[..., Awaitable[Any]], client: Client, rows: asyncpg.Connection) -> Office:
    """Workers that host identity and the ledger."""
    await start_worker("all")
    return Office(Desk(client), rows)


async def test_people_see_and_change_themselves_and_nobody_else(office: Office) -> None:
    ani, budi = await office.person("ani"), await office.person("budi")
    mine = await office.done(GetUser(user_id=ani), ani, oversees=False)
    assert (mine["id"], mine["version"], mine["status"]) == (ani, 1, "active")
    changed = await office.done(UpdateUser(user_id=ani, first_name="Anita"), ani, oversees=False)
    assert (changed["first_name"], changed["last_name"], changed["version"]) == ("Anita", "Santoso", 2)
    for message in (GetUser(user_id=budi), UpdateUser(user_id=budi, first_name="X"), GetUser(user_id="usr_none")):
        assert await office.refused(message, ani, oversees=False) == "not_found"
    assert await office.found(ani, oversees=False) == ["ani"]
    assert await office.found(ani, oversees=False, search="budi") == []


async def test_a_change_of_nothing_is_none(office: Office) -> None:
    ani = await office.person("ani")
    before = await office.rows.fetchval("SELECT count(*) FROM operations.audit")
    same = await office.done(UpdateUser(user_id=ani, first_name="Budi"), ani)
    assert same["version"] == 1
    assert await office.rows.fetchval("SELECT count(*) FROM operations.audit") == before


async def test_of_two_changes_from_one_version_one_is_refused(office: Office) -> None:
    ani = await office.person("ani")
    replies = await asyncio.gather(
        *(office.ask(UpdateUser(user_id=ani, first_name=name, version=1), ani) for name in "ABCDE")
    )
    assert sorted(reply.status for reply in replies) == ["failed"] * 4 + ["succeeded"]
    assert {reply.problem.code for reply in replies if reply.problem} == {"version_conflict"}
    assert await office.rows.fetchval("SELECT version FROM identity.users") == 2


async def test_an_address_belongs_to_one_person_whoever_comes_first(office: Office) -> None:
    people = [await office.person(f"p{n}") for n in range(4)]
    wanted = "wanted@example.com"
    replies = await asyncio.gather(
        *(office.ask(UpdateUser(user_id=key, email="Wanted@Example.com"), key) for key in people),
        office.desk.register(wanted),
        office.ask(CreateUser(email=wanted, first_name="A", last_name="B"), people[0]),
    )
    assert sorted(reply.status for reply in replies) == ["failed"] * 5 + ["succeeded"]
    assert {reply.problem.code for reply in replies if reply.problem} == {"email_taken"}
    assert await office.rows.fetchval("SELECT count(*) FROM identity.users WHERE email = $1", wanted) == 1


async def test_nobody_changes_those_who_may_do_more(office: Office) -> None:
    """Else an operator could give an admin an address of his own and reset the password."""
    admin, operator, support = [await office.person(role, role) for role in ("admin", "operator", "support")]
    for message in (
        UpdateUser(user_id=admin, email="mine@example.com"),
        ArchiveUser(user_id=admin),
        RestoreUser(user_id=admin),
        PurgeUser(user_id=admin),
    ):
        assert await office.refused(message, operator) == "permission_denied"
    assert await office.refused(ArchiveUser(user_id=operator), support) == "permission_denied"
    assert await office.refused(ArchiveUser(user_id=operator), "usr_none") == "permission_denied"
    assert (await office.done(ArchiveUser(user_id=support), operator))["status"] == "archived"
    assert (await office.done(ArchiveUser(user_id=operator), admin))["status"] == "archived"


async def test_who_is_made_by_an_operator_is_a_customer(office: Office) -> None:
    operator = await office.person("operator", "operator")
    made = await office.done(
        CreateUser(email="new@example.com", password=PASSWORD, first_name="N", last_name="U"), operator
    )
    assert (made["roles"], made["status"]) == (["customer"], "active")
    assert (await office.desk.log_in("new@example.com")).status == "succeeded"
    invited = await office.done(CreateUser(email="invited@example.com", first_name="I", last_name="N"), operator)
    for password in (PASSWORD, "none", "$argon2id$none"):
        reply = await office.desk.log_in("invited@example.com", password)
        assert reply.problem is not None
        assert reply.problem.code == "credentials_invalid"
    entry = await office.rows.fetchrow("SELECT * FROM operations.audit WHERE object = $1", invited["id"])
    assert entry is not None
    assert (entry["actor"], entry["action"]) == (operator, "identity.CreateUser")


async def test_lists_are_searched_filtered_and_without_the_archived(office: Office) -> None:
    operator = await office.person("operator", "operator")
    ani, budi, _ = [await office.person(name) for name in ("ani", "budi", "citra_100%")]
    await office.done(UpdateUser(user_id=ani, first_name="Ani", last_name="Wijaya"), operator)
    await office.done(ArchiveUser(user_id=budi), operator)
    assert await office.found(operator) == ["citra_100%", "ani", "operator"]
    assert await office.found(operator, include="archived") == ["citra_100%", "budi", "ani", "operator"]
    assert await office.found(operator, status="archived") == ["budi"]
    assert await office.found(operator, search="NI WIJ") == ["ani"]
    assert await office.found(operator, search="_100%") == ["citra_100%"]
    assert await office.found(operator, search="%") == ["citra_100%"]
    first = await office.done(ListUsers(limit=2), operator)
    second = await office.done(ListUsers(limit=2, after=first["next"]), operator)
    assert [len(first["data"]), len(second["data"]), second["next"]] == [2, 1, None]


async def test_who_is_archived_neither_logs_in_nor_is_found_until_restored(office: Office, vhost: Vhost) -> None:
    operator, ani = await office.person("operator", "operator"), await office.person("ani")
    tokens = await office.desk.log_in("ani@example.com")
    assert tokens.result is not None
    archived = await office.done(ArchiveUser(user_id=ani, reason="Asked for it"), operator)
    assert (archived["status"], archived["version"]) == ("archived", 2)
    assert archived["archived_at"] is not None
    assert await office.done(ArchiveUser(user_id=ani), operator) == archived
    assert (await office.desk.log_in("ani@example.com")).status == "failed"
    assert (await office.ask(Refresh(refresh_token=tokens.result["refresh_token"]), "")).status == "failed"
    assert await office.rows.fetchval("SELECT count(*) FROM identity.sessions WHERE open") == 0
    assert await office.refused(UpdateUser(user_id=ani, first_name="X"), operator) == "user_inactive"
    workers = await Client(vhost.workers_url).start()
    assert (await workers.ask(FindUserByEmail(email="ani@example.com"), "usr_x")).status == "failed"
    await workers.stop()
    restored = await office.done(RestoreUser(user_id=ani), operator)
    assert (restored["status"], restored["archived_at"], restored["version"]) == ("active", None, 3)
    assert (await office.desk.log_in("ani@example.com")).status == "succeeded"
    entries = await office.rows.fetch("SELECT * FROM operations.audit WHERE object = $1 ORDER BY created_at", ani)
    assert [entry["action"].partition(".")[2] for entry in entries] == ["Register", "ArchiveUser", "RestoreUser"]
    assert (entries[1]["actor"], entries[1]["reason"]) == (operator, "Asked for it")


async def test_logging_in_and_being_archived_at_once_leaves_nobody_half_in(office: Office) -> None:
    operator, ani = await office.person("operator", "operator"), await office.person("ani")
    await asyncio.gather(
        *(office.desk.log_in("ani@example.com") for _ in range(5)), office.done(ArchiveUser(user_id=ani), operator)
    )
    assert (await office.desk.log_in("ani@example.com")).status == "failed"
    assert await office.rows.fetchval("SELECT count(*) FROM identity.sessions WHERE open") == 0


async def test_only_who_is_archived_is_purged(office: Office) -> None:
    operator, ani = await office.person("operator", "operator"), await office.person("ani")
    assert await office.refused(PurgeUser(user_id=ani), operator) == "not_archived"
    await office.done(ArchiveUser(user_id=ani), operator)
    await office.done(PurgeUser(user_id=ani), operator)
    for message in (GetUser(user_id=ani), RestoreUser(user_id=ani), PurgeUser(user_id=ani), GetMe()):
        assert await office.refused(message, operator if message != GetMe() else ani) == "not_found"


@pytest.mark.parametrize("known", [False, True])
async def test_whoever_is_purged_is_nobody_to_every_command(office: Office, *, known: bool) -> None:
    admin, ani = await office.person("admin", "admin"), await office.person("ani")
    if known:
        await office.done(OpenWallet(currency="IDR"), ani)
    await office.done(ArchiveUser(user_id=ani), admin)
    await office.done(PurgeUser(user_id=ani), admin)
    await office.until("SELECT phase FROM runtime.sagas WHERE context->>'type' = 'identity.PurgeUser'", "completed")
    for message in (
        AssignRoles(user_id=ani, roles=["operator"]),
        AssignRoles(user_id=ani, roles=[]),
        UpdateUser(user_id=ani, first_name="Ani"),
        ArchiveUser(user_id=ani),
        RestoreUser(user_id=ani),
        PurgeUser(user_id=ani),
    ):
        assert await office.refused(message, admin) == "not_found"


async def test_of_somebody_whom_the_ledger_does_not_know_nothing_is_left(office: Office, database: Database) -> None:
    operator, ani = await office.person("operator", "operator"), await office.person("ani")
    assert (await office.desk.log_in("ani@example.com", address="192.0.2.77")).status == "succeeded"
    await office.done(ArchiveUser(user_id=ani), operator)
    await office.done(PurgeUser(user_id=ani), operator)
    await office.until(f"SELECT status FROM identity.users WHERE id = '{ani}'", "removed")
    assert await office.rows.fetchval("SELECT count(address) FROM identity.sessions") == 0
    assert (await office.desk.register("ani@example.com")).status == "succeeded"
    # Gateways may still have to learn which tokens are void.
    worker = Writer(database.app_url, name="test")
    await forgetting.forget(worker)
    assert await office.rows.fetchval("SELECT count(*) FROM identity.sessions") == 1
    await office.rows.execute("UPDATE identity.users SET changed_at = now() - interval '2 days'")
    await forgetting.forget(worker)
    await worker.close()
    assert await office.rows.fetchval("SELECT count(*) FROM identity.sessions") == 0
    assert await office.rows.fetchval("SELECT count(*) FROM identity.users WHERE id = $1", ani) == 0
    assert await office.rows.fetchval("SELECT count(*) FROM identity.users") == 2


async def test_of_somebody_with_a_wallet_only_the_id_is_left(office: Office) -> None:
    operator, ani = await office.person("operator", "operator"), await office.person("ani")
    await office.desk.log_in("ani@example.com", address="192.0.2.77")
    wallet = await office.done(OpenWallet(currency="IDR"), ani)
    await office.done(ArchiveUser(user_id=ani), operator)
    await office.done(PurgeUser(user_id=ani), operator)
    await office.until("SELECT phase FROM runtime.sagas WHERE type = 'ForgetUser'", "completed")
    left = await office.rows.fetchrow("SELECT * FROM identity.users WHERE id = $1", ani)
    assert left is not None
    assert (left["status"], left["email"], left["roles"]) == ("purged", f"{ani}@purged.invalid", "[]")
    assert (left["first_name"], left["last_name"], left["password_hash"]) == ("", "", "$argon2id$none")
    assert await office.rows.fetchval("SELECT count(address) FROM identity.sessions") == 0
    assert await office.rows.fetchval("SELECT owner FROM ledger.accounts WHERE id = $1", wallet["id"]) == ani
    assert await office.found(operator, include="archived") == ["operator"]
    assert (await office.desk.log_in("ani@example.com")).status == "failed"
    trail = await office.rows.fetch("SELECT a::text AS entry FROM operations.audit AS a")
    hidden = ("ani@", "Budi", "Santoso", PASSWORD, "argon2")
    assert not [entry for entry in trail for text in hidden if text in entry["entry"]]


async def test_all_who_are_archived_are_restored_or_purged_at_once(office: Office) -> None:
    admin, operator = await office.person("admin", "admin"), await office.person("operator", "operator")
    second = await office.person("second", "admin")
    people = [await office.person(f"p{n}") for n in range(3)]
    for key in (*people, second):
        await office.done(ArchiveUser(user_id=key), admin)
    # Not those who may do more.
    assert await office.done(RestoreArchivedUsers(), operator) == {"count": 3}
    assert await office.done(RestoreArchivedUsers(), operator) == {"count": 0}
    assert await office.found(operator, status="archived") == ["second"]
    for key in people[:2]:
        await office.done(ArchiveUser(user_id=key), admin)
    assert await office.done(PurgeArchivedUsers(), operator) == {"count": 2}
    assert await office.done(PurgeArchivedUsers(reason="Audit"), admin) == {"count": 1}
    assert await office.found(operator, include="archived") == ["p2", "operator", "admin"]
    await office.until("SELECT count(*) FROM identity.users WHERE status = 'removed'", 3)


async def test_very_many_are_restored_or_purged_lot_by_lot(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "LOT_MAX", 2)
    admin, operator = await office.person("admin", "admin"), await office.person("operator", "operator")
    people = [await office.person(f"p{n}") for n in range(5)]
    above = [await office.person(f"admin{n}", "admin") for n in range(3)]
    for key in (*people, *above):
        await office.done(ArchiveUser(user_id=key), admin)
    transactions = "SELECT count(DISTINCT changed_at) FROM identity.users WHERE email LIKE 'p_@%'"
    assert await office.done(RestoreArchivedUsers(reason="All back"), operator) == {"count": 5}
    await office.until("SELECT count(*) FROM identity.users WHERE status = 'archived'", 3)
    assert await office.rows.fetchval(transactions) >= 3
    trail = "SELECT actor, reason, count(*) FROM operations.audit WHERE action LIKE 'identity.Restore%' GROUP BY 1, 2"
    assert [tuple(row) for row in await office.rows.fetch(trail)] == [(operator, "All back", 5)]
    for key in people:
        await office.done(ArchiveUser(user_id=key), admin)
    assert await office.done(PurgeArchivedUsers(), admin) == {"count": 8}
    await office.until("SELECT count(*) FROM identity.users WHERE status = 'removed'", 8)


async def test_of_very_many_sessions_no_place_is_left(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "LOT_MAX", 2)
    operator, ani = await office.person("operator", "operator"), await office.person("ani")
    for _ in range(5):
        await office.desk.log_in("ani@example.com", address="192.0.2.77")
    await office.done(ArchiveUser(user_id=ani), operator)
    await office.done(PurgeUser(user_id=ani), operator)
    await office.until(f"SELECT status FROM identity.users WHERE id = '{ani}'", "removed")
    assert await office.rows.fetchval("SELECT count(address) FROM identity.sessions") == 0


async def test_one_admin_is_left_however_many_are_archived_at_once(office: Office) -> None:
    admins = [await office.person(f"admin{n}", "admin") for n in range(4)]
    replies = await asyncio.gather(
        *(office.ask(ArchiveUser(user_id=key), admins[(n + 1) % 4]) for n, key in enumerate(admins)),
        *(office.ask(ArchiveUser(user_id=key), key) for key in admins),
    )
    assert "last_admin" in {reply.problem.code for reply in replies if reply.problem}
    assert await office.rows.fetchval("SELECT count(*) FROM identity.users WHERE status = 'active' AND admin") == 1


async def test_what_acted_for_somebody_purged_goes_with_them(
    start_worker: Callable[..., Awaitable[Any]], client: Client, rows: asyncpg.Connection
) -> None:
    """Away from identity, which only says what has happened."""
    await start_worker("identity", "ledger")
    await start_worker("cards", "merchants")
    office = Office(Desk(client), rows)
    operator, ani, budi = [await office.person(*who) for who in (("operator", "operator"), ("ani",), ("budi",))]
    for key in (ani, budi):
        wallet = await office.done(OpenWallet(currency="IDR"), key)
        await office.done(IssueCard(wallet_id=wallet["id"], brand="visa", type="debit"), key)
        merchant = await office.done(CreateMerchant(name="Kopi", currency="IDR"), key)
        await office.done(CreateApiKey(merchant_id=merchant["id"], name="Till", scopes=["merchants:read"]), key)
    await office.done(ArchiveUser(user_id=ani), operator)
    await office.done(PurgeUser(user_id=ani, reason="Asked for it"), operator)
    await office.until("SELECT string_agg(owner, ' ') FROM cards.cards", budi)
    await office.until("SELECT string_agg(owner, ' ') FROM merchants.merchants", budi)
    assert await rows.fetchval("SELECT count(*) FROM merchants.api_keys") == 1
    entries = await rows.fetch("SELECT * FROM operations.audit WHERE action = 'identity.UserPurged'")
    assert [(entry["actor"], entry["after"]) for entry in entries] == [(operator, None)] * 2
