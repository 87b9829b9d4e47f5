"""What a card allows, and to whom."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.archive import NotArchived
from contracts.cards import (
    CardArchived,
    CardCanceled,
    CardExpired,
    CardFrozen,
    CardLimits,
    EmbossCard,
    UpdateCard,
)
from contracts.envelope import Caller
from contracts.identity import PermissionDenied
from contracts.message import NotFound, Refusal
from workers.cards.rules import Card, Number, month_after

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
OWNER, OPERATOR = Caller("usr_owner"), Caller("usr_operator", oversees=True)
NUMBER = Number("400000", "0002", "hash-of-it", "seal-of-it")
WISH = EmbossCard(
    card_id="crd_1",
    owner=OWNER.principal,
    wallet_id="wal_1",
    currency="IDR",
    brand="visa",
    type="debit",
    label="Lunch",
    limits=CardLimits(daily=500),
)


@pytest.fixture
def card() -> Card:
    return Card.embossed(WISH, NUMBER, years=4, at=NOW)


def refused(refusal: type[Refusal], do: Callable[[], object]) -> None:
    with pytest.raises(refusal):
        do()


def test_a_new_card_is_good_to_the_end_of_its_month(card: Card) -> None:
    assert (card.exp_month, card.exp_year, card.expiry) == (11, 2030, "2030-11")
    card.must_be_usable(datetime(2030, 11, 30, 23, 59, 59, tzinfo=UTC))
    refused(CardExpired, lambda: card.must_be_usable(datetime(2030, 12, 1, tzinfo=UTC)))
    assert card.status_at(datetime(2030, 12, 1, tzinfo=UTC)) == "expired"


@given(st.integers(2000, 2190), st.integers(1, 12))
def test_a_month_ends_where_the_next_one_begins(year: int, month: int) -> None:
    end = month_after(year, month)
    last = end - timedelta(microseconds=1)
    assert (last.year, last.month) == (year, month)
    assert end.day == 1


def test_what_is_shown_holds_no_trace_of_the_number(card: Card) -> None:
    assert "hash-of-it" not in repr(card) + card.view(NOW).model_dump_json()
    assert "seal-of-it" not in repr(card) + repr(NUMBER) + card.view(NOW).model_dump_json()


def test_its_owner_freezes_and_unfreezes_it(card: Card) -> None:
    frozen = card.frozen(OWNER)
    refused(CardFrozen, lambda: frozen.must_be_usable(NOW))
    assert frozen.frozen(OWNER) is frozen
    assert frozen.unfrozen(OWNER) == card


def test_what_an_operator_froze_only_an_operator_unfreezes(card: Card) -> None:
    for frozen in (card.frozen(OPERATOR), card.frozen(OWNER).frozen(OPERATOR), card.frozen(OPERATOR).frozen(OWNER)):
        refused(PermissionDenied, lambda frozen=frozen: frozen.unfrozen(OWNER))  # type: ignore[misc]
        refused(CardFrozen, lambda frozen=frozen: frozen.canceled(OWNER))  # type: ignore[misc]
        archived = frozen.put_away(NOW)
        refused(CardFrozen, lambda archived=archived: archived.must_be_purgeable(OWNER))  # type: ignore[misc]
        assert not archived.purgeable(OWNER)
        assert archived.purgeable(OPERATOR)
        assert frozen.unfrozen(OPERATOR).status == "active"


def test_a_canceled_card_stays_canceled(card: Card) -> None:
    canceled = card.frozen(OWNER).canceled(OWNER)
    assert canceled.canceled(OWNER) == canceled
    refused(CardCanceled, lambda: canceled.must_be_usable(NOW))
    refused(CardCanceled, lambda: canceled.frozen(OWNER))
    refused(CardCanceled, lambda: canceled.unfrozen(OWNER))


def test_an_archived_card_is_gone_until_it_is_restored(card: Card) -> None:
    frozen = card.frozen(OWNER)
    archived = frozen.put_away(NOW)
    assert archived.put_away(NOW + timedelta(days=1)) is archived
    assert archived.status_at(NOW) == "archived"
    refused(NotFound, lambda: archived.must_be_usable(NOW))
    for change in (archived.frozen, archived.unfrozen, archived.canceled):
        refused(CardArchived, lambda change=change: change(OWNER))  # type: ignore[misc]
    refused(CardArchived, lambda: archived.updated(UpdateCard(card_id="crd_1", label="x")))
    assert archived.restored() == frozen


def test_only_an_archived_card_may_be_purged(card: Card) -> None:
    refused(NotArchived, lambda: card.must_be_purgeable(OWNER))
    card.put_away(NOW).must_be_purgeable(OWNER)


def test_an_update_changes_what_it_says_and_nothing_else(card: Card) -> None:
    assert card.updated(UpdateCard(card_id="crd_1")) == card
    assert card.updated(UpdateCard(card_id="crd_1", label=None)).label is None
    limited = card.updated(UpdateCard(card_id="crd_1", limits=CardLimits(monthly=9)))
    assert (limited.label, limited.per_payment, limited.daily, limited.monthly) == ("Lunch", None, None, 9)
    assert card.updated(UpdateCard(card_id="crd_1", limits=None)).daily is None


@pytest.mark.parametrize("body", ['{"card_id":"c"}', '{"card_id":"c","label":null}', '{"card_id":"c","limits":null}'])
def test_what_an_update_says_survives_the_wire(body: str) -> None:
    said = UpdateCard.model_validate_json(body)
    assert said.model_dump_json() == body


def test_a_card_is_of_no_use_while_its_holder_is_archived_and_then_what_it_was(card: Card) -> None:
    for before in (card, card.frozen(OWNER), card.frozen(OPERATOR), card.canceled(OWNER), card.put_away(NOW)):
        held = before.held(by_archived=True)
        assert held.status_at(NOW) == before.status_at(NOW)
        assert held.held(by_archived=False) == before
    refused(CardFrozen, lambda: card.held(by_archived=True).must_be_usable(NOW))
    refused(CardFrozen, lambda: card.held(by_archived=True).frozen(OWNER).unfrozen(OWNER).must_be_usable(NOW))
    refused(CardCanceled, lambda: card.canceled(OWNER).held(by_archived=True).must_be_usable(NOW))
