"""What can be asked about cards."""

from typing import Any

from sqlalchemy import ColumnElement, Row, and_, not_, or_, select

from contracts.cards import CardDashboardView, CardStatus, CardView, GetCard, GetCardDashboard, ListCards
from contracts.message import NotFound
from contracts.pages import Page
from workers.cards import usage as counted
from workers.cards.presenting import of_card
from workers.cards.rules import Card
from workers.cards.tables import cards, read, tries, usage
from workers.cards.tokens import Tries
from workers.cards.usage import Usage
from workers.runtime.handlers import Queries
from workers.runtime.reading import Reading
from workers.runtime.stored import mapping

queries = Queries("cards")


@queries.query(GetCard)
async def get_card(query: GetCard, reading: Reading) -> CardView:
    """Raises `NotFound`, also for somebody else's."""
    return (await _visible(query.card_id, reading)).view(reading.now)


@queries.query(ListCards)
async def list_cards(query: ListCards, reading: Reading) -> Page[CardView]:
    """The caller's cards, or everybody's for those who oversee."""
    wanted = select(cards).where(*_filters(query, reading))
    if not reading.caller.oversees:
        wanted = wanted.where(cards.c.owner == reading.caller.principal)

    def view(row: Row[Any]) -> CardView:
        return read(row).view(reading.now)

    return await reading.page(query, wanted, (cards.c.created_at, cards.c.id), view)


@queries.query(GetCardDashboard)
async def get_card_dashboard(query: GetCardDashboard, reading: Reading) -> CardDashboardView:
    """From counters: nothing is summed up. Raises `NotFound`."""
    card = await _visible(query.card_id, reading)
    found = await reading.row(select(usage).where(usage.c.id == card.id))
    spent = (Usage.none(card.id) if found is None else mapping(Usage).load(found)).at(reading.now)
    guarded = await reading.row(select(tries).where(tries.c.id == of_card(card.pan_hash)))
    guard = Tries.none("", reading.now) if guarded is None else mapping(Tries).load(guarded)
    return CardDashboardView(
        card=card.view(reading.now),
        today=counted.today(spent, card),
        this_month=counted.this_month(spent, card),
        total=counted.ever(spent),
        declined=spent.declined,
        wrong_codes=guard.number,
        blocked_until=guard.blocked_until if guard.blocked(reading.now) else None,
        last_spent_at=spent.last_spent_at,
    )


async def _visible(card_id: str, reading: Reading) -> Card:
    row = await reading.row(select(cards).where(cards.c.id == card_id))
    if row is None or not reading.caller.owns(row.owner):
        raise NotFound
    return read(row)


def _filters(query: ListCards, reading: Reading) -> list[ColumnElement[bool]]:
    conditions = [
        cards.c[name] == value for name in ("brand", "type", "wallet_id") if (value := getattr(query, name)) is not None
    ]
    if query.status is not None:
        conditions.append(_has(query.status, reading))
    elif query.include is None:
        conditions.append(not_(cards.c.archived))
    if query.search is not None:
        labelled = cards.c.label.icontains(query.search, autoescape=True)
        conditions.append(or_(labelled, cards.c.last4 == query.search))
    if query.created_from is not None:
        conditions.append(cards.c.created_at >= query.created_from)
    if query.created_to is not None:
        conditions.append(cards.c.created_at < query.created_to)
    return conditions


def _has(status: CardStatus, reading: Reading) -> ColumnElement[bool]:
    """The rule of `Card.status_at`, for PostgreSQL."""
    if status == "archived":
        return cards.c.archived.is_(True)
    if status == "expired":
        wanted = and_(cards.c.status != "canceled", cards.c.expires_at <= reading.now)
    elif status == "canceled":
        wanted = cards.c.status == status
    else:
        wanted = and_(cards.c.status == status, cards.c.expires_at > reading.now)
    return and_(not_(cards.c.archived), wanted)
