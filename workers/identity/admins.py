"""The first admin: made by an operator's command, never by registration."""

from datetime import UTC, datetime

from sqlalchemy import insert, make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from contracts import ids
from contracts.identity import EmailTaken, Register
from workers.identity import guessable, passwords
from workers.identity.passwords import Cost
from workers.identity.rules import ADMIN_ROLE, CUSTOMER_ROLE, User
from workers.identity.tables import users
from workers.runtime.settings import Settings


async def create(database_url: str, wanted: Register) -> User:
    """Store an admin, who is a customer as well; nobody is promoted. Raises `PasswordTooCommon`, `EmailTaken`."""
    guessable.check(wanted.password, wanted.first_name, wanted.last_name, wanted.email)
    # The defaults: workers that are told otherwise hash again at the first login.
    hashed = await passwords.hashed(wanted.password, Cost.of(Settings.model_construct()))
    now = datetime.now(UTC)
    user = User.register(wanted, hashed, at=now, key=ids.new("usr")).changed(at=now, roles=[ADMIN_ROLE, CUSTOMER_ROLE])
    engine = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            await connection.execute(insert(users).values(user._asdict()))
    except IntegrityError:
        # Its text would show the row, and with it the hash.
        raise EmailTaken from None
    finally:
        await engine.dispose()
    return user
