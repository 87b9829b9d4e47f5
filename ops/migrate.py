"""Bring a database's schema up to date."""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ops import database
from ops.trouble import Trouble

if TYPE_CHECKING:
    from alembic.config import Config

VARIABLE = "MIGRATIONS_DATABASE_URL"


def migrate(target: str = "head") -> None:
    """Run Alembic on the database that `MIGRATIONS_DATABASE_URL` names, as the role that owns it."""
    from alembic import command  # noqa: PLC0415 - importing it takes longer than most other commands
    from alembic.util import CommandError  # noqa: PLC0415 - likewise

    if not os.environ.get(VARIABLE):
        raise Trouble(f"Set {VARIABLE} to the database to migrate, with the role that owns it.")
    database.checked(os.environ[VARIABLE], VARIABLE)
    with database.reached(VARIABLE):
        try:
            command.upgrade(configuration(), target)
        except CommandError as error:
            raise Trouble(f"The schema can't be brought to {target}: {error}") from None


def configuration() -> "Config":
    """Alembic's configuration, which works from an installed package as well: no `alembic.ini` is read."""
    from alembic.config import Config  # noqa: PLC0415 - likewise

    package = importlib.util.find_spec("migrations")
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise Trouble("The migrations are not part of this installation.")
    config = Config()
    config.set_main_option("script_location", str(Path(folders[0])))
    return config
