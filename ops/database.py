"""Which database an operator's command means, and what to do about one that is not there or not ready."""

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ops.trouble import Trouble

if TYPE_CHECKING:
    import asyncpg

VARIABLE = "DATABASE_URL"

ADVICE = {
    "08": "Does the server run?",
    "25": "Is it a standby, or read-only for now? Name the primary.",
    "28": "Are user and password right?",
    "3D": "Is the name of the database right?",
    "53": "Try again when it has less to do.",
    "57": "Try again in a moment.",
    "3F": "Bring its schema up to date first: saldo migrate.",
    "42703": "Bring its schema up to date first: saldo migrate.",
    "42883": "Bring its schema up to date first: saldo migrate.",
    "42P01": "Bring its schema up to date first: saldo migrate.",
    "42501": "Is this the role that is meant for it?",
}
"""What to do, by the beginning of PostgreSQL's SQLSTATE; what is not here is a mistake of ours."""

UNKNOWN_OPTION = re.compile(r"^connect\(\) got an unexpected keyword argument '(\w+)'")


def url() -> str:
    """`DATABASE_URL`, else the private PostgreSQL of `./dev up`. Raises `Trouble` if there is neither."""
    named = os.environ.get(VARIABLE) or _local()
    if not named:
        raise Trouble(f"Set {VARIABLE} to the database that is meant, or start a stack here with ./dev up.")
    return checked(named)


def checked(address: str, variable: str = VARIABLE) -> str:
    """The address itself. Raises `Trouble` where it can't be one of a PostgreSQL; it may hold a password, so unsaid."""
    from sqlalchemy import exc, make_url  # noqa: PLC0415 - other commands start without it

    try:
        kind = make_url(address).get_backend_name()
    except (exc.ArgumentError, ValueError):
        kind = None
    if kind not in ("postgresql", "postgres"):
        raise Trouble(f"{variable} is not the address of a database, as in postgresql://user:password@host/name.")
    return address


@contextmanager
def reached(variable: str = VARIABLE) -> Iterator[None]:
    """Turn what keeps us from working with the database into `Trouble`; mistakes of ours stay what they are."""
    try:
        yield
    except (OSError, OverflowError) as error:
        reason = str(error) or type(error).__name__
        raise Trouble(f"The database that {variable} names can't be reached: {reason}. Does the server run?") from None
    except Exception as error:
        sentence = _sentence(error, variable)
        if sentence is None:
            raise
        raise Trouble(sentence) from None


def state(error: BaseException) -> str | None:
    """The SQLSTATE of an error that came from PostgreSQL."""
    refused = _refused(error)
    return refused.sqlstate if refused else None


def _sentence(error: BaseException, variable: str) -> str | None:
    from sqlalchemy import exc  # noqa: PLC0415 - other commands start without it

    if isinstance(error, TypeError) and (option := UNKNOWN_OPTION.match(str(error))):
        return f"{variable} has an option that is not known here: {option[1]}."
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return f"The database that {variable} names has gone away. Try again in a moment."
    refused, code = _refused(error), state(error) or ""
    advice = next((advice for beginning, advice in ADVICE.items() if code.startswith(beginning)), None)
    return f"The database that {variable} names says: {str(refused).splitlines()[0]}. {advice}" if advice else None


def _refused(error: BaseException | None) -> "asyncpg.PostgresError | None":
    """What PostgreSQL itself has said, wherever in the chain of causes."""
    import asyncpg  # noqa: PLC0415 - other commands start without it

    while error and not isinstance(error, asyncpg.PostgresError):
        error = error.__cause__
    return error


def _local() -> str | None:
    if importlib.util.find_spec("psutil") is None:
        # An installation without the tools for development has no stack of its own.
        return None
    from ops.local.home import Home  # noqa: PLC0415 - likewise
    from ops.local.postgres import Postgres  # noqa: PLC0415 - likewise

    server = Postgres(Home.default())
    return server.url() if server.running else None
