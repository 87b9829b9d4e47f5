"""A new card's number: drawn by chance until it is free, before the transaction; the unique index has the last word."""

import secrets
from dataclasses import dataclass, field

from sqlalchemy import func, select

from contracts.cards import EmbossCard, TooManyCards
from workers.cards import numbers
from workers.cards.rules import Number
from workers.cards.tables import cards
from workers.cards.vault import Vault
from workers.runtime.handlers import Preparation

DRAWS_MAX = 100


@dataclass(frozen=True, slots=True)
class Embossing:
    """A free number, in clear for the one answer that shows it, and as it is kept."""

    pan: str = field(repr=False)
    number: Number
    years: int


async def drawn(command: EmbossCard, preparation: Preparation) -> Embossing:
    """Draw a number. Raises `TooManyCards`."""
    settings = preparation.resources.settings
    vault = Vault(settings)
    async with preparation.resources.database.connect() as connection:
        theirs = select(func.count()).where(cards.c.owner == command.owner)
        if (await connection.execute(theirs)).scalar_one() >= settings.cards_per_owner_max:
            raise TooManyCards
        for _ in range(DRAWS_MAX):
            bin_ = secrets.choice(settings.card_bins[command.brand])
            pan = numbers.drawn(bin_, command.brand, secrets.randbelow)
            number = vault.kept(pan, command.card_id)
            taken = await connection.execute(select(cards.c.id).where(cards.c.pan_hash == number.hash))
            if taken.first() is None:
                return Embossing(pan, number, settings.card_years)
    raise RuntimeError(f"no free number with a BIN of {command.brand}: configure another one in CARD_BINS")
