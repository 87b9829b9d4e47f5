"""Which database an operator's command means: the one that is named, else that of the stack that runs here."""

import importlib.util
import os

from ops.trouble import Trouble

VARIABLE = "DATABASE_URL"


def url() -> str:
    """`DATABASE_URL`, else the private PostgreSQL of `./dev up`. Raises `Trouble` if there is neither."""
    named = os.environ.get(VARIABLE) or _local()
    if not named:
        raise Trouble(f"Set {VARIABLE} to the database that is meant, or start a stack here with ./dev up.")
    return named


def _local() -> str | None:
    if importlib.util.find_spec("psutil") is None:
        # An installation without the tools for development has no stack of its own.
        return None
    from ops.local.home import Home  # noqa: PLC0415 - likewise
    from ops.local.postgres import Postgres  # noqa: PLC0415 - likewise

    server = Postgres(Home.default())
    return server.url() if server.running else None
