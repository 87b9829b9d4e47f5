"""Logging in: what comes of it, and what it doesn't tell."""

import asyncio
import statistics
import time
from typing import Any

import asyncpg
import jwt
import pytest
from argon2 import PasswordHasher

from contracts.identity import ForgetPassword, GetSigningKeys
from tests.workers.conftest import Start
from tests.workers.identity.conftest import PASSWORD, Desk
from workers.identity import sessions


async def test_a_token_verifies_with_the_published_keys(desk: Desk, rows: asyncpg.Connection) -> None:
    registered = await desk.register()
    assert registered.result is not None
    logged_in = await desk.log_in(address="192.0.2.1")
    assert logged_in.result is not None
    assert (logged_in.result["token_type"], logged_in.result["expires_in"]) == ("Bearer", 900)
    assert logged_in.result["refresh_token"].startswith("rt_")
    token = logged_in.result["access_token"]
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "EdDSA", "kid": "test", "typ": "at+jwt"}
    keys = await desk.client.ask(GetSigningKeys())
    key = jwt.PyJWKSet.from_dict(keys.result or {})["test"]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="saldo", issuer="saldo")
    assert (claims["sub"], claims["roles"]) == (registered.result["id"], ["customer"])
    assert claims["exp"] - claims["iat"] == 900
    session = await rows.fetchrow("SELECT * FROM identity.sessions")
    assert session is not None
    assert (claims["sid"], claims["sub"]) == (session["id"], session["user_id"])
    assert session["address"] == "192.0.2.1"


async def test_each_login_is_a_session_and_a_token_of_its_own(desk: Desk, rows: asyncpg.Connection) -> None:
    await desk.register()
    first, second = [jwt.decode(await desk.token(), options={"verify_signature": False}) for _ in range(2)]
    assert first["sid"] != second["sid"]
    assert first["jti"] != second["jti"]
    assert await rows.fetchval("SELECT count(*) FROM identity.sessions") == 2


async def test_one_login_too_many_ends_the_oldest_session(
    desk: Desk, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    await desk.register()
    for _ in range(5):
        await desk.token()
    known = await rows.fetch("SELECT open FROM identity.sessions ORDER BY created_at")
    assert [row["open"] for row in known] == [False, False, True, True, True]


async def test_published_keys_are_public(desk: Desk) -> None:
    reply = await desk.client.ask(GetSigningKeys())
    assert reply.result is not None
    [key] = reply.result["keys"]
    # RFC 8032, 7.1, has no test vector for the zero seed; this is what every implementation derives from it.
    assert key == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik",
        "kid": "test",
        "use": "sig",
        "alg": "EdDSA",
    }


async def test_every_wrong_pair_is_answered_alike(desk: Desk, rows: asyncpg.Connection) -> None:
    await desk.register()
    await desk.register("archived@example.com")
    await rows.execute("UPDATE identity.users SET status = 'archived' WHERE email = 'archived@example.com'")
    replies = [
        await desk.log_in(password="wrong horse battery"),
        await desk.log_in(password=PASSWORD.upper()),
        await desk.log_in("stranger@example.com"),
        await desk.log_in("archived@example.com"),
    ]
    problems = [reply.problem for reply in replies]
    assert problems[0] is not None
    assert problems[0].code == "credentials_invalid"
    assert problems == [problems[0]] * 4
    assert await rows.fetchval("SELECT count(*) FROM identity.sessions") == 0


async def test_the_same_password_is_the_same_on_every_keyboard(desk: Desk) -> None:
    await desk.register(password="p\u00e4sswort-geheim")
    assert (await desk.log_in(password="pa\u0308sswort-geheim")).status == "succeeded"


async def test_outdated_hashes_are_renewed_at_login(desk: Desk, rows: asyncpg.Connection, start_worker: Start) -> None:
    await desk.register()
    old = await rows.fetchval("SELECT password_hash FROM identity.users")
    assert (await desk.log_in()).status == "succeeded"
    assert await rows.fetchval("SELECT password_hash FROM identity.users") == old
    await start_worker("identity", argon2_time_cost=2)
    for _ in range(10):
        assert (await desk.log_in()).status == "succeeded"
    renewed = await rows.fetchval("SELECT password_hash FROM identity.users")
    assert renewed != old
    assert (await desk.log_in()).status == "succeeded"


async def test_a_hash_that_is_changed_meanwhile_is_not_believed(desk: Desk, rows: asyncpg.Connection) -> None:
    """The password was checked before the transaction, against a hash that is history by then."""
    await desk.register()
    other = await desk.register("other@example.com", "another password")
    assert other.status == "succeeded"
    async with rows.transaction():
        await rows.execute("SELECT FROM identity.users FOR UPDATE")
        logging_in = asyncio.create_task(desk.log_in())
        await asyncio.sleep(0.5)
        await rows.execute(
            "UPDATE identity.users SET password_hash ="
            " (SELECT password_hash FROM identity.users WHERE email = 'other@example.com')"
            " WHERE email = 'budi@example.com'"
        )
    reply = await logging_in
    assert reply.problem is not None
    assert reply.problem.code == "credentials_invalid"


async def test_strangers_take_as_long_as_people(desk: Desk, rows: asyncpg.Connection) -> None:
    """Taken in turns, so that whatever else the machine does meets both alike; nobody is locked out meanwhile."""
    await desk.register()
    times: dict[str, list[float]] = {"budi@example.com": [], "stranger@example.com": []}
    for number in range(25):
        await rows.execute("DELETE FROM identity.attempts")
        for email in sorted(times, reverse=number % 2 == 1):
            started = time.perf_counter()
            reply = await desk.log_in(email, f"wrong password {number}")
            times[email].append(time.perf_counter() - started)
            assert reply.problem is not None
            assert reply.problem.code == "credentials_invalid"
    known, unknown = (statistics.median(taken) for taken in times.values())
    assert 0.6 < known / unknown < 1.7, (known, unknown)


async def test_strangers_cost_the_same_work_as_people(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hashes are computed, at the same cost, whether anybody has the address or not."""
    runs: list[tuple[str, int, int, int]] = []

    def count(name: str) -> None:
        original = getattr(PasswordHasher, name)

        def counted(self: PasswordHasher, *args: Any) -> Any:
            runs.append((name, self.time_cost, self.memory_cost, self.parallelism))
            return original(self, *args)

        monkeypatch.setattr(PasswordHasher, name, counted)

    await desk.register()
    count("verify")
    count("hash")
    work = []
    for email in ("budi@example.com", "stranger@example.com"):
        runs.clear()
        await desk.log_in(email, "wrong password")
        await desk.register(email, "a phrase that is new")
        await desk.client.ask(ForgetPassword(email=email), "")
        work.append(list(runs))
    assert work[0] == work[1] == [("verify", 1, 8192, 1), ("hash", 1, 8192, 1)]
