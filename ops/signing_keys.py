"""Signing keys, as operators rotate them."""

import asyncio

from pydantic import TypeAdapter, ValidationError

from ops import database, keys, person
from ops.console import console
from ops.trouble import Trouble

VARIABLE = "SEALING_KEYS"


def rotate(*, at_once: bool) -> None:
    """Make a new signing key; the others stay believed until their last token has expired, but not `at_once`."""
    from workers.identity import keyring  # noqa: PLC0415 - other commands start without it
    from workers.runtime.settings import SealingKey  # noqa: PLC0415 - likewise

    url = database.url()
    try:
        ring = TypeAdapter(list[SealingKey]).validate_json(keys.ring(VARIABLE))
        assert ring
    except (ValidationError, AssertionError):
        # Without its cause: that would show the keys.
        raise Trouble(f"{VARIABLE} must be a JSON list of keys, as the workers have it.") from None
    before, after = keyring.overlap(at_once=at_once)
    with database.reached():
        row = asyncio.run(keyring.rotate(url, ring, before=before, after=after, address=person.address()))
    console.print(f"[bold green]✓[/] {row.id} is published and signs from {row.signs_from:%H:%M:%S} UTC")
