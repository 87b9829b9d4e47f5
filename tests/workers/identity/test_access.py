"""What gateways load when they start, however many sessions there are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import Row, Select, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.identity import GetAccess
from tests.servers import Database
from workers.identity.queries import get_access
from workers.runtime.reading import Reading

PERSON = """
INSERT INTO identity.users (id, email, password_hash, first_name, last_name, status, roles, created_at, admin, version,
                            changed_at)
VALUES ('usr_1', 'a@example.com', '$argon2id$none', '', '', 'active', '[]', now(), false, 1, now())
"""
SESSIONS = """
INSERT INTO identity.sessions (id, user_id, created_at, open, last_used_at, expires_at, ended_at)
SELECT 'ses_' || n, 'usr_1', now(), n > 100, now(), now() + interval '90 days', CASE WHEN n <= 100 THEN now() END
FROM generate_series(1, 20000) AS n
"""


class Explaining(Reading):
    """Keeps the plans of what it reads."""

    plans: ClassVar[list[str]] = []

    async def rows(self, select: Select[Any]) -> Sequence[Row[Any]]:
        options = {"literal_binds": True}
        statement = select.compile(dialect=self.connection.dialect, compile_kwargs=options)
        lines = await self.connection.exec_driver_sql(f"EXPLAIN {statement}")
        self.plans.append("\n".join(lines.scalars()))
        return await super().rows(select)


async def test_of_all_sessions_only_those_that_have_ended_are_read(database: Database) -> None:
    engine = create_async_engine(make_url(database.admin_url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        for statement in (PERSON, SESSIONS, "ANALYZE identity.sessions"):
            await connection.execute(text(statement))
        view = await get_access(GetAccess(), Explaining(connection, None, datetime.now(UTC)))
    await engine.dispose()
    assert len(view.sessions) == 100
    assert any("sessions_ended" in plan for plan in Explaining.plans), Explaining.plans
