"""A token finds its card, however long the card's id is, and rubbish finds none."""

import secrets

import pytest
from pydantic import ValidationError

from contracts.cards import SpendOnCard
from workers.cards import tokens


def spend(token: str) -> SpendOnCard:
    return SpendOnCard(spend_id="pay_1", token=token, amount=1, currency="IDR")


# An operation's id, which a card's is made of, ends in ten digits more than other ids.
@pytest.mark.parametrize("digits", [32, 42])
def test_a_token_names_its_card(digits: int) -> None:
    card = f"crd_{secrets.token_hex(digits // 2)}"
    token = tokens.made(card, secrets.token_bytes(tokens.SECRET_BYTES))
    assert tokens.card_of(spend(token)) == card


@pytest.mark.parametrize("token", ["tok_", "tok_a", f"tok_{'0' * 40}", "tok__", "tok_a_b_c"])
def test_rubbish_names_no_card(token: str) -> None:
    try:
        named = tokens.card_of(spend(token))
    except ValidationError:
        return
    assert len(named) < len("crd_") + 32
