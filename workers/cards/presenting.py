"""Card data that somebody presents: checked against keys before the transaction, which knows the card."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.cards import TokenizeCard, TooManyTries
from contracts.envelope import Caller
from workers.cards import numbers, tokens
from workers.cards.rules import Card
from workers.cards.tokens import Tries
from workers.cards.vault import Vault
from workers.runtime.handlers import Preparation
from workers.runtime.needs import Need, matching, rows
from workers.runtime.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Presented:
    """What the keys say of it, a secret for the token, and the bounds of guessing."""

    pan_hash: str = field(repr=False)
    code_right: bool
    secret: bytes = field(repr=False)
    lifetime: timedelta
    window: timedelta
    tries_per_card: int
    tries_per_caller: int


async def checked(command: TokenizeCard, preparation: Preparation) -> Presented:
    """The same work for every number, known or not."""
    settings = preparation.resources.settings
    vault = Vault(settings)
    return Presented(
        vault.hash(command.pan),
        vault.right(command.cvv, command.pan, f"{command.exp_year:04}-{command.exp_month:02}"),
        secrets.token_bytes(tokens.SECRET_BYTES),
        timedelta(seconds=settings.card_token_seconds),
        timedelta(seconds=settings.card_tries_seconds),
        settings.card_tries_max,
        settings.caller_tries_max,
    )


def needed(_: TokenizeCard, caller: Caller, presented: Presented) -> Iterable[Need]:
    """The card of that number, if there is one, and what was tried on it and from here."""
    yield matching(Card, pan_hash=presented.pan_hash)
    yield rows(Tries, of_card(presented.pan_hash), *_sources(caller))


def of_card(pan_hash: str) -> str:
    """The key of the tries on a card."""
    return f"card {pan_hash}"


def must_be_let(uow: UnitOfWork) -> None:
    """Raises `TooManyTries` when too much wrong data came from this caller or address."""
    for key in _sources(uow.caller):
        tries = uow.find(Tries, key)
        if tries is not None and tries.blocked_until is not None and tries.blocked(uow.now):
            raise TooManyTries(retry_after_seconds=_seconds(tries.blocked_until, uow.now))


def right(command: TokenizeCard, card: Card, presented: Presented, at: datetime) -> bool:
    """Whether it is this card's data, and the card one that there is."""
    same_expiry = (command.exp_year, command.exp_month) == (card.exp_year, card.exp_month)
    same_code = presented.code_right and len(command.cvv) == numbers.cvv_digits(card.brand)
    gone = card.archived or card.holder_archived
    return same_expiry and same_code and not gone and at < card.expires_at


def tried(uow: UnitOfWork, card: Card | None, presented: Presented) -> None:
    """Count a wrong try: from here, and on the card if there is one."""
    for key in _sources(uow.caller):
        _count(uow, key, presented.tries_per_caller, presented.window)
    if card is not None:
        _count(uow, of_card(card.pan_hash), presented.tries_per_card, presented.window)


def _count(uow: UnitOfWork, key: str, most: int, window: timedelta) -> None:
    known = uow.find(Tries, key)
    tries = (known or Tries.none(key, uow.now)).wrong(uow.now, most, window)
    (uow.add if known is None else uow.save)(tries)


def _sources(caller: Caller) -> list[str]:
    address = [] if caller.address is None else [f"address {caller.address}"]
    return [f"caller {caller.principal}", *address]


def _seconds(until: datetime, now: datetime) -> int:
    return max(1, int((until - now).total_seconds()))
