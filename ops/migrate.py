"""Bring a database's schema up to date, beside whoever works with it."""

import importlib.util
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ops import database
from ops.console import say
from ops.trouble import Trouble

if TYPE_CHECKING:
    from alembic.config import Config

VARIABLE = "MIGRATIONS_DATABASE_URL"
ATTEMPTS, PAUSE_SECONDS = 10, 5.0
ROLE, UNDEFINED = "saldo_app", "42704"
"""Whom the migrations grant things to, and the SQLSTATE where there is nobody of that name."""
IN_THE_WAY = frozenset({"55P03", "40P01"})
"""SQLSTATEs of a lock that somebody else has: timed out, or in a deadlock."""


def migrate(target: str = "head") -> None:
    """Run Alembic on the database that `MIGRATIONS_DATABASE_URL` names, as the role that owns it.

    A migration that can't get a lock is tried again. Those before it stay done, whatever becomes of it.
    """
    if not os.environ.get(VARIABLE):
        raise Trouble(f"Set {VARIABLE} to the database to migrate, with the role that owns it.")
    database.checked(os.environ[VARIABLE], VARIABLE)
    for attempt in range(1, ATTEMPTS + 1):
        with database.reached(VARIABLE):
            if _upgraded(target):
                return
        if attempt < ATTEMPTS:
            say(f"a table is in use for long; again in {PAUSE_SECONDS:.0f} seconds ({attempt} of {ATTEMPTS} tries)")
            time.sleep(PAUSE_SECONDS)
    raise Trouble(
        f"The next migration got no lock in {ATTEMPTS} tries: some transaction stays open for long. pg_stat_activity "
        "shows whose (the oldest xact_start). What is done stays done; run it again when that one has ended."
    )


def configuration() -> "Config":
    """Alembic's configuration, which works from an installed package as well: no `alembic.ini` is read."""
    from alembic.config import Config  # noqa: PLC0415 - importing it takes longer than most other commands

    package = importlib.util.find_spec("migrations")
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise Trouble("The migrations are not part of this installation.")
    config = Config()
    config.set_main_option("script_location", str(Path(folders[0])))
    config.attributes["applied"] = lambda revision, what: say(f"migration {revision}: {what}")
    return config


def _upgraded(target: str) -> bool:
    """Whether it came to its end; else somebody was in the way."""
    from alembic import command  # noqa: PLC0415 - importing it takes longer than most other commands
    from alembic.util import CommandError  # noqa: PLC0415 - likewise

    try:
        command.upgrade(configuration(), target)
    except CommandError as error:
        raise Trouble(f"The schema can't be brought to {target}: {error}") from None
    except Exception as error:
        if database.state(error) == UNDEFINED and ROLE in str(error):
            raise Trouble(
                f"The role {ROLE}, whom the processes are, does not exist. Make it first, as an administrator: "
                f"CREATE ROLE {ROLE} LOGIN PASSWORD '…' (docs/servers.md)."
            ) from None
        if database.state(error) not in IN_THE_WAY:
            raise
        return False
    return True
