"""The first admin: made by an operator's command, never by registration."""

from datetime import UTC, datetime

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from contracts import ids
from contracts.identity import EmailTaken, Register
from workers.identity import guessable, passwords
from workers.identity.passwords import Cost
from workers.identity.rules import ADMIN_ROLE, CUSTOMER_ROLE, User
from workers.identity.tables import users
from workers.runtime import by_command
from workers.runtime.settings import Settings

CREATED = "identity.CreateAdmin"


async def create(database_url: str, wanted: Register, *, address: str | None = None) -> User:
    """Store an admin, who is a customer as well; nobody is promoted. Raises `PasswordTooCommon`, `EmailTaken`.

    `address` is where the command was run, for the audit trail.
    """
    guessable.check(wanted.password, wanted.first_name, wanted.last_name, wanted.email)
    # The defaults: workers that are told otherwise hash again at the first login.
    hashed = await passwords.hashed(wanted.password, Cost.of(Settings.model_construct()))
    now = datetime.now(UTC)
    user = User.register(wanted, hashed, at=now, key=ids.new("usr")).changed(at=now, roles=[ADMIN_ROLE, CUSTOMER_ROLE])
    try:
        async with by_command.transaction(database_url) as connection:
            await connection.execute(insert(users).values(user._asdict()))
            shown = user.audited()
            await by_command.write_down(connection, CREATED, user.id, at=now, after=shown, address=address)
    except IntegrityError:
        # Its text would show the row, and with it the hash.
        raise EmailTaken from None
    return user
