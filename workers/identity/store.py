"""How people and sessions are kept, locked and found again."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from workers.identity.rules import Session, User
from workers.identity.tables import sessions, users
from workers.runtime.needs import Need, matching, unique
from workers.runtime.stored import mapping, stored

stored(User, users, order=5, mutable=("email", "password_hash", "first_name", "last_name", "status", "roles"))
stored(Session, sessions, order=6)


def person(email: str) -> Iterable[Need]:
    """Need whoever has this address."""
    return (matching(User, email=email),)


def address(email: str) -> Iterable[Need]:
    """Need the address itself: nobody else can take it meanwhile."""
    return (unique(User, email=email),)


def read(row: Row[Any]) -> User:
    """The entity of a whole row."""
    return mapping(User).load(row)


async def password_hash(database: AsyncEngine, email: str) -> str | None:
    """The hash to check a password against, before any transaction."""
    async with database.connect() as connection:
        found = await connection.execute(select(users.c.password_hash).where(users.c.email == email))
        return found.scalar_one_or_none()
