"""What can be done with cards: by people, by checkouts, and by sagas that spend on them."""

from collections.abc import Callable

from contracts.cards import (
    ArchiveCard,
    CancelCard,
    CardChange,
    CardChanged,
    CardIssued,
    CardRef,
    CardRequested,
    CardSpendView,
    CardTokenView,
    CardView,
    EmbossCard,
    FreezeCard,
    IssueCard,
    IssuedCardView,
    LimitExceeded,
    PurgeArchivedCards,
    PurgeCard,
    ResolveCard,
    RestoreArchivedCards,
    RestoreCard,
    SpendOnCard,
    SpendUndone,
    TokenizeCard,
    UnfreezeCard,
    UnspendOnCard,
    UpdateCard,
)
from contracts.identity import PermissionDenied
from contracts.ledger import CurrencyMismatch
from contracts.message import CountView, NotFound, Nothing, Refusal
from contracts.moving import Declined
from workers.cards import embossing, holders, numbers, presenting, tokens, vault
from workers.cards.embossing import Embossing
from workers.cards.presenting import Presented
from workers.cards.rules import Card
from workers.cards.tokens import Token, Tries, card_of
from workers.cards.usage import Spend, Usage
from workers.runtime.handlers import Handlers
from workers.runtime.needs import matching, rows
from workers.runtime.unit_of_work import UnitOfWork
from workers.sagas.issue_wallet_card import IssueWalletCard

handlers = Handlers("cards")


@handlers.command(IssueCard, finished_by=IssueWalletCard)
def issue_card(command: IssueCard, uow: UnitOfWork) -> IssuedCardView | None:
    """Only the wish: there is a card when the ledger knows the wallet as the caller's."""
    uow.emit(CardRequested(card_id=uow.id("crd"), owner=uow.caller.principal, **command.__dict__))
    return None


@handlers.command(EmbossCard, needs=lambda c: [rows(Card, c.card_id), holders.of(c.owner)], prepare=embossing.drawn)
def emboss_card(command: EmbossCard, uow: UnitOfWork) -> IssuedCardView:
    """Make the card and reveal its number and code, which nobody is shown again.

    Raises `TooManyCards`; `PermissionDenied` where its owner was archived meanwhile.
    """
    if holders.archived(uow, command.owner):
        raise PermissionDenied
    made: Embossing = uow.prepared
    assert uow.find(Card, command.card_id) is None, "a card is embossed once"
    card = Card.embossed(command, made.number, years=made.years, at=uow.now)
    uow.add(card)
    uow.add(Usage.none(card.id))
    uow.audit(card.id, after=card.audited())
    uow.reveal(pan=made.pan, cvv=vault.code(made.pan, card.expiry, numbers.cvv_digits(card.brand)))
    view = card.view(uow.now)
    uow.emit(CardIssued(card=view, owner=card.owner))
    return IssuedCardView(**view.__dict__)


@handlers.command(UpdateCard, needs=lambda c: [rows(Card, c.card_id)])
def update_card(command: UpdateCard, uow: UnitOfWork) -> CardView:
    """Raises `NotFound`, `CardArchived`."""
    return _change(uow, command.card_id, "updated", lambda card: card.updated(command))


@handlers.command(FreezeCard, needs=lambda c: [rows(Card, c.card_id)])
def freeze_card(command: FreezeCard, uow: UnitOfWork) -> CardView:
    """No change if it is frozen already. Raises `NotFound`, `CardCanceled`, `CardArchived`."""
    return _change(uow, command.card_id, "frozen", lambda card: card.frozen(uow.caller), command.reason)


@handlers.command(UnfreezeCard, needs=lambda c: [rows(Card, c.card_id)])
def unfreeze_card(command: UnfreezeCard, uow: UnitOfWork) -> CardView:
    """No change if it is active. Raises `NotFound`, `CardCanceled`, `CardArchived`, `PermissionDenied`."""
    return _change(uow, command.card_id, "unfrozen", lambda card: card.unfrozen(uow.caller), command.reason)


@handlers.command(CancelCard, needs=lambda c: [rows(Card, c.card_id)])
def cancel_card(command: CancelCard, uow: UnitOfWork) -> CardView:
    """No change if it is canceled already. Raises `NotFound`, `CardArchived`, `CardFrozen`."""
    return _change(uow, command.card_id, "canceled", lambda card: card.canceled(uow.caller), command.reason)


@handlers.command(ArchiveCard, needs=lambda c: [rows(Card, c.card_id)])
def archive_card(command: ArchiveCard, uow: UnitOfWork) -> CardView:
    """No change if it is archived already. Raises `NotFound`."""
    return _change(uow, command.card_id, "archived", lambda card: card.put_away(uow.now), command.reason)


@handlers.command(RestoreCard, needs=lambda c: [rows(Card, c.card_id)])
def restore_card(command: RestoreCard, uow: UnitOfWork) -> CardView:
    """No change if it is not archived. Raises `NotFound`."""
    return _change(uow, command.card_id, "restored", lambda card: card.restored(), command.reason)


@handlers.command(PurgeCard, needs=lambda c: [rows(Card, c.card_id)])
def purge_card(command: PurgeCard, uow: UnitOfWork) -> Nothing:
    """Delete the card and its counters. Raises `NotFound`, `NotArchived`, `CardFrozen`."""
    card = _own(uow, command.card_id)
    card.must_be_purgeable(uow.caller)
    purge(uow, card)
    return Nothing()


@handlers.command(
    RestoreArchivedCards, needs_more=lambda _, caller, __: [matching(Card, owner=caller.principal, archived=True)]
)
def restore_archived_cards(_: RestoreArchivedCards, uow: UnitOfWork) -> CountView:
    """All that the caller has put away."""
    found = uow.matching(Card, owner=uow.caller.principal, archived=True)
    for card in found:
        _save(uow, card, card.restored(), "restored")
    return CountView(count=len(found))


@handlers.command(
    PurgeArchivedCards, needs_more=lambda _, caller, __: [matching(Card, owner=caller.principal, archived=True)]
)
def purge_archived_cards(_: PurgeArchivedCards, uow: UnitOfWork) -> CountView:
    """All that the caller has put away, less what an operator froze."""
    archived = uow.matching(Card, owner=uow.caller.principal, archived=True)
    found = [card for card in archived if card.purgeable(uow.caller)]
    for card in found:
        purge(uow, card)
    return CountView(count=len(found))


@handlers.command(TokenizeCard, prepare=presenting.checked, needs_more=presenting.needed)
def tokenize_card(command: TokenizeCard, uow: UnitOfWork) -> CardTokenView | Refusal:
    """Raises `Declined`, whatever is wrong; `TooManyTries` to who presents too much of that."""
    presenting.must_be_let(uow)
    presented: Presented = uow.prepared
    card = next(iter(uow.matching(Card, pan_hash=presented.pan_hash)), None)
    guarded = uow.find(Tries, presenting.of_card(presented.pan_hash))
    if card is None or not presenting.right(command, card, presented, uow.now):
        presenting.tried(uow, card, presented)
        return Declined("The card was declined.")
    if guarded is not None and guarded.blocked(uow.now):
        # Not even the right code helps, or guessing on would find out which one it was.
        return Declined("The card was declined.")
    token = tokens.made(card.id, presented.secret)
    uow.add(Token(tokens.digest(token), card.id, None, uow.now + presented.lifetime))
    return CardTokenView(token=token, expires_in=int(presented.lifetime.total_seconds()))


@handlers.command(ResolveCard, needs=lambda c: [rows(Card, c.card_id)])
def resolve_card(command: ResolveCard, uow: UnitOfWork) -> CardRef:
    """Raises `NotFound`, `CardFrozen`, `CardExpired`, `CardCanceled`."""
    return _usable(uow, command.card_id, command.owner).ref()


@handlers.command(
    SpendOnCard,
    needs=lambda c: [
        rows(Card, card_of(c)),
        rows(Usage, card_of(c)),
        rows(Spend, c.spend_id),
        *([] if c.token is None else [rows(Token, tokens.digest(c.token))]),
    ],
)
def spend_on_card(command: SpendOnCard, uow: UnitOfWork) -> CardSpendView | Refusal:
    """Count it and use up the token; a limit that refuses counts that. Raises what `ResolveCard` does and more."""
    earlier = uow.find(Spend, command.spend_id)
    if earlier is not None:
        return _counted(earlier, uow.get(Card, earlier.card_id))
    card = _usable(uow, card_of(command), command.owner)
    if card.currency != command.currency:
        raise CurrencyMismatch("The currency is not the card's.")
    if command.token is not None:
        token = uow.find(Token, tokens.digest(command.token))
        uow.save(tokens.used(token, command.spend_id, card.id, uow.now))
    usage = uow.get(Usage, card.id).at(uow.now)
    refused = usage.limit_passed(card, command.amount)
    if refused is not None:
        uow.save(usage.refused())
        return LimitExceeded(refused)
    uow.save(usage.spent(command.amount, uow.now))
    uow.add(Spend(command.spend_id, card.id, command.amount, "spent", uow.now, None))
    return CardSpendView(**card.ref().__dict__)


@handlers.command(UnspendOnCard, needs=lambda c: [rows(Usage, card_of(c)), rows(Spend, c.spend_id)])
def unspend_on_card(command: UnspendOnCard, uow: UnitOfWork) -> CountView:
    """Give it back to the limits, once."""
    spend = uow.find(Spend, command.spend_id)
    if spend is None:
        uow.add(Spend(command.spend_id, card_of(command), 0, "undone", uow.now, uow.now))
        return CountView(count=0)
    if spend.status == "undone":
        return CountView(count=0)
    uow.save(spend.undone(uow.now))
    usage = uow.find(Usage, spend.card_id)
    if usage is not None:
        uow.save(usage.at(uow.now).unspent(spend))
    return CountView(count=1)


def _counted(spend: Spend, card: Card) -> CardSpendView:
    if spend.status == "undone":
        raise SpendUndone
    return CardSpendView(**card.ref().__dict__)


def _usable(uow: UnitOfWork, key: str, owner: str | None) -> Card:
    card = uow.get(Card, key)
    if owner not in (None, card.owner):
        raise NotFound
    card.must_be_usable(uow.now)
    return card


def _own(uow: UnitOfWork, key: str) -> Card:
    card = uow.get(Card, key)
    if not uow.caller.owns(card.owner):
        raise NotFound
    return card


def _change(
    uow: UnitOfWork, key: str, change: CardChange, changed: Callable[[Card], Card], reason: str | None = None
) -> CardView:
    card = _own(uow, key)
    new = changed(card)
    if new != card:
        _save(uow, card, new, change, reason)
    return new.view(uow.now)


def _save(uow: UnitOfWork, card: Card, new: Card, change: CardChange, reason: str | None = None) -> None:
    uow.save(new)
    uow.audit(card.id, before=card.audited(), after=new.audited(), reason=reason)
    uow.emit(CardChanged(card=new.view(uow.now), owner=card.owner, change=change))


def purge(uow: UnitOfWork, card: Card) -> None:
    """Delete it with its counters, whoever it is that may."""
    uow.remove(Card, card.id)
    uow.remove(Usage, card.id)
    uow.audit(card.id, before=card.audited())
    uow.emit(CardChanged(card=card.view(uow.now), owner=card.owner, change="purged"))
