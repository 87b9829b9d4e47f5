"""People, as operators make them."""

import asyncio
import sys

import typer
from pydantic import ValidationError

from ops import database, person
from ops.console import console
from ops.trouble import Trouble


def create_admin(email: str, first_name: str, last_name: str) -> None:
    """Make an admin. The password is asked for, or is the first line of the input."""
    from contracts.identity import EmailTaken, PasswordTooCommon, Register  # noqa: PLC0415 - other commands start without it
    from workers.identity import admins  # noqa: PLC0415 - likewise

    url = database.url()
    try:
        wanted = Register(email=email, password=_password(), first_name=first_name, last_name=last_name)
        with database.reached():
            user = asyncio.run(admins.create(url, wanted, address=person.address()))
    except ValidationError as error:
        # Without the input: a rejected password must not end up on a screen or in a log.
        wrong = (f"{item['loc'][0]}: {item['msg']}" for item in error.errors(include_input=False, include_url=False))
        raise Trouble("; ".join(wrong)) from None
    except EmailTaken:
        raise Trouble(f"{email} is registered already; nobody is promoted by this command.") from None
    except PasswordTooCommon as refusal:
        raise Trouble(str(refusal)) from None
    console.print(f"[bold green]✓[/] {user.email} is an admin ({user.id})")


def _password() -> str:
    # Never an argument: other people on the machine can read those.
    if sys.stdin.isatty():
        return str(typer.prompt("Password (at least 12 characters)", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
