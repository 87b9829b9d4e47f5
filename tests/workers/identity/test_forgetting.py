"""What is counted and noted about people is not kept for ever."""

from datetime import timedelta

import asyncpg

from tests.servers import Database
from tests.workers.identity.conftest import Desk
from workers.identity import forgetting
from workers.runtime import database as runtime

ATTEMPTS = "INSERT INTO identity.attempts VALUES ($1, 1, $2, now(), $3::timestamptz, now() - $4::interval)"


async def test_only_what_counts_no_more_is_forgotten(database: Database, rows: asyncpg.Connection) -> None:
    now = await rows.fetchval("SELECT now()")
    for name, people, locked_until, age in (
        ("fresh", 0, None, timedelta(hours=1)),
        ("old", 0, None, timedelta(days=2)),
        ("old but locked", 0, now + timedelta(hours=1), timedelta(days=2)),
        ("home", 1, None, timedelta(days=80)),
        ("once home", 1, None, timedelta(days=100)),
    ):
        await rows.execute(ATTEMPTS, name, people, locked_until, age)
    await _forget(database)
    left = await rows.fetch("SELECT id FROM identity.attempts ORDER BY id")
    assert [row["id"] for row in left] == ["fresh", "home", "old but locked"]


async def test_sessions_go_a_month_after_their_end_with_their_tokens(
    desk: Desk, database: Database, rows: asyncpg.Connection
) -> None:
    await desk.register()
    for _ in range(2):
        await desk.log_in()
    await rows.execute(
        "UPDATE identity.sessions SET expires_at = now() - interval '31 days'"
        " WHERE id = (SELECT min(id) FROM identity.sessions)"
    )
    await _forget(database)
    assert await rows.fetchval("SELECT count(*) FROM identity.sessions") == 1
    assert await rows.fetchval("SELECT count(*) FROM identity.refresh_tokens") == 1


async def _forget(database: Database) -> None:
    opened = runtime.Database(database.app_url, name="forgetting")
    assert not await forgetting.forget(opened)
    await opened.close()
