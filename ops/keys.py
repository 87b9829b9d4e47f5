"""Keys of what is kept sealed, changed while everything runs."""

import asyncio
import importlib.util
import os
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from ops import database, person
from ops.console import console
from ops.trouble import Trouble

VARIABLE = "CARD_KEYS"
ROTATED = "cards.RotateCardKeys"


def rotate_pan() -> None:
    """Seal every card number with the first key of `CARD_KEYS`. Stopped, it goes on where it was when run again."""
    url, keys = database.url(), ring(VARIABLE)
    with database.reached():
        asyncio.run(_rotate_pan(url, keys))


async def _rotate_pan(url: str, text: str) -> None:
    from workers.cards import rotation  # noqa: PLC0415 - other commands start without it
    from workers.runtime.sealing import SealBroken  # noqa: PLC0415 - likewise
    from workers.runtime.settings import SealingKey  # noqa: PLC0415 - likewise

    try:
        found = TypeAdapter(list[SealingKey]).validate_json(text)
        assert found
    except (ValidationError, AssertionError):
        # Without its cause: that would show the keys.
        raise Trouble(f"{VARIABLE} must be a JSON list of keys, as the workers have it.") from None
    progress = rotation.Progress(0, 0)
    try:
        async for progress in rotation.rotate(url, found):
            if not progress.done and progress.total:
                await _write_down(url, found[0].id, progress.total)
            console.print(f"  {progress.done} of {progress.total} card numbers")
    except SealBroken:
        raise Trouble(f"A card number was sealed with a key that {VARIABLE} does not have; nothing is lost.") from None
    console.print(f"[bold green]✓[/] key {found[0].id} seals every card number; no other key is needed any more")


async def _write_down(url: str, newest: str, total: int) -> None:
    """Before the first of many small transactions, any of which may be the last one."""
    from workers.runtime import by_command  # noqa: PLC0415 - other commands start without it

    shown, now = {"card_numbers": total}, datetime.now(UTC)
    async with by_command.transaction(url) as connection:
        await by_command.write_down(connection, ROTATED, newest, at=now, after=shown, address=person.address())


def ring(variable: str) -> str:
    """A ring of keys: that of the environment, else that of the stack that runs here. Raises `Trouble`."""
    named = os.environ.get(variable) or _local(variable)
    if not named:
        raise Trouble(f"Set {variable} as the workers have it, or start a stack here with ./dev up.")
    return named


def _local(variable: str) -> str | None:
    if importlib.util.find_spec("psutil") is None:
        # An installation without the tools for development has no stack of its own.
        return None
    from ops.local import secrets  # noqa: PLC0415 - likewise
    from ops.local.home import Home  # noqa: PLC0415 - likewise

    return secrets.load(Home.default()).get(variable)
