"""Guessing passwords at a real worker, one by one and all at once."""

import asyncio
from collections import Counter

import asyncpg

from contracts.identity import ChangePassword, LogIn
from contracts.operations import Reply
from tests.workers.identity.conftest import PASSWORD, Desk

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


def code(reply: Reply) -> str:
    return reply.problem.code if reply.problem else reply.status


async def test_after_ten_failures_the_right_password_is_not_listened_to(desk: Desk) -> None:
    await desk.register()
    codes = [code(await desk.log_in(password=f"wrong {n}", address=HOME)) for n in range(12)]
    assert codes == ["credentials_invalid"] * 10 + ["locked_out"] * 2
    refused = await desk.log_in(address=HOME)
    assert refused.problem is not None
    assert refused.problem.code == "locked_out"
    assert 1700 < (refused.problem.retry_after_seconds or 0) <= 1800


async def test_of_a_hundred_guesses_at_once_ten_are_answered(desk: Desk) -> None:
    await desk.register()
    replies = await asyncio.gather(
        *(desk.log_in(password=f"wrong {n}", address=f"198.51.100.{n % 7}") for n in range(99)),
        desk.log_in(password="wrong", address=HOME),
    )
    assert Counter(map(code, replies)) == {"credentials_invalid": 10, "locked_out": 90}


async def test_strangers_lock_out_strangers(desk: Desk) -> None:
    await desk.register()
    assert code(await desk.log_in(address=HOME)) == "succeeded"
    for n in range(11):
        last = await desk.log_in(password=f"wrong {n}", address=ELSEWHERE)
    assert code(last) == "locked_out"
    assert code(await desk.log_in(address=ELSEWHERE)) == "locked_out"
    assert code(await desk.log_in(address=HOME)) == "succeeded", "the owner comes home"


async def test_unknown_addresses_are_locked_out_alike(desk: Desk) -> None:
    await desk.register()
    codes = [
        [code(await desk.log_in(email, f"wrong {n}", address=address)) for n in range(12)]
        for email, address in (("budi@example.com", HOME), ("nobody@example.com", ELSEWHERE))
    ]
    assert codes[0] == codes[1]


async def test_what_is_counted_names_nobody(desk: Desk, rows: asyncpg.Connection) -> None:
    await desk.log_in("nobody@example.com", "wrong", address=HOME)
    kept = "".join(row["text"] for row in await rows.fetch("SELECT a::text AS text FROM identity.attempts AS a"))
    assert "nobody" not in kept
    assert HOME not in kept


async def test_a_lockout_ends(desk: Desk, rows: asyncpg.Connection) -> None:
    await desk.register()
    for n in range(10):
        await desk.log_in(password=f"wrong {n}", address=HOME)
    assert code(await desk.log_in(address=HOME)) == "locked_out"
    await rows.execute("UPDATE identity.attempts SET locked_until = now()")
    assert code(await desk.log_in(address=HOME)) == "succeeded"


async def test_guessing_within_a_session_is_counted_by_itself(desk: Desk) -> None:
    registered = await desk.register()
    assert registered.result is not None
    user = registered.result["id"]
    for n in range(11):
        guess = ChangePassword(current_password=f"wrong {n}", new_password="something quite new")
        last = await desk.client.ask(guess, user, address=ELSEWHERE)
    assert code(last) == "locked_out"
    right = ChangePassword(current_password=PASSWORD, new_password="something quite new")
    assert code(await desk.client.ask(right, user, address=ELSEWHERE)) == "locked_out"
    assert code(await desk.log_in(address=HOME)) == "succeeded", "logging in has nothing to do with it"


async def test_a_login_costs_the_same_work_for_known_and_unknown_addresses(
    desk: Desk, rows: asyncpg.Connection
) -> None:
    """What is done is counted, not timed: rows written, by either kind of failure."""
    await desk.register()
    written = []
    for email, address in (("budi@example.com", HOME), ("nobody@example.com", ELSEWHERE)):
        before = await rows.fetchval("SELECT count(*) FROM identity.attempts")
        assert code(await desk.client.ask(LogIn(email=email, password="wrong"), "", address=address)) != "succeeded"
        written.append(await rows.fetchval("SELECT count(*) FROM identity.attempts") - before)
    assert written == [2, 2]
