"""Transfers: from a wallet or card, to a wallet, a card, or a person by e-mail."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.identity import EmailAddress
from contracts.ids import CardId, TransferId, UserId, WalletId
from contracts.message import Command, Event, Metadata, Query, Text, View, exactly_one
from contracts.money import Amount, Currency
from contracts.operations import FailureView
from contracts.pages import Moment, PageOf

TransferStatus = Literal["pending", "completed", "failed"]
Note = Annotated[Text, StringConstraints(max_length=500)]


class Source(View):
    """Where the money comes from: exactly one of the two. A card stands for its wallet."""

    model_config = exactly_one("wallet_id", "card_id")

    wallet_id: WalletId | None = None
    card_id: CardId | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.wallet_id is None) == (self.card_id is None):
            message = "Name exactly one of wallet_id and card_id."
            raise ValueError(message)
        return self


class Destination(View):
    """Where it goes: exactly one of the three."""

    model_config = exactly_one("wallet_id", "card_id", "email")

    wallet_id: WalletId | None = None
    card_id: CardId | None = None
    email: EmailAddress | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if [self.wallet_id, self.card_id, self.email].count(None) != 2:  # noqa: PLR2004 - all but one
            message = "Name exactly one of wallet_id, card_id and email."
            raise ValueError(message)
        return self


class TransferView(View):
    """One transfer as one side of it sees it.

    Each side sees what it said. Who sent to an e-mail address or a card never learns which wallet that was, and the
    recipient does not see the card that the money came from: they see wallets.
    """

    id: TransferId
    status: TransferStatus
    source: Source
    destination: Destination
    amount: Amount
    currency: Currency
    note: str | None = None
    metadata: dict[str, str]
    failure: FailureView | None = None
    created_at: datetime
    completed_at: datetime | None = None


class RequestTransfer(Command[TransferView]):
    """Move money out of one of the caller's wallets. Raises `SelfTransfer`; the rest is the saga's to find out."""

    source: Source
    destination: Destination
    amount: Amount
    currency: Currency
    note: Note | None = None
    metadata: Metadata = Field(default_factory=dict)


class GetTransfer(Query[TransferView]):
    """One transfer that the caller sent or received."""

    transfer_id: TransferId


class ListTransfers(PageOf[TransferView]):
    """The caller's transfers, sent and received, newest first. `created_to` is exclusive.

    Those who oversee see everybody's; `direction` is always the caller's own.
    """

    status: TransferStatus | None = None
    wallet_id: WalletId | None = None
    card_id: CardId | None = None
    direction: Literal["sent", "received"] | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class TransferRequested(Event):
    """Somebody asked for a transfer. One of `source…` says where from, one of `destination…` and `email` where to."""

    transfer_id: TransferId
    sender: UserId
    source: WalletId | None
    destination: WalletId | None
    email: EmailAddress | None
    amount: Amount
    currency: Currency
    source_card: CardId | None = None
    destination_card: CardId | None = None


class TransferCompleted(Event):
    """The money has moved. `recipient` owns the wallet it went to; a system account has no owner."""

    transfer: TransferView
    sender: UserId
    recipient: UserId | None


class TransferFailed(Event):
    """No money has moved."""

    transfer: TransferView
    sender: UserId


class CompleteTransfer(Command[TransferView]):
    """The money has moved from `source` (a card's wallet) to `destination`, a wallet of `recipient`."""

    internal = True

    transfer_id: TransferId
    destination: WalletId
    recipient: UserId | None = None
    source: WalletId | None = None


class FailTransfer(Command[TransferView]):
    """No money has moved, for this reason."""

    internal = True

    transfer_id: TransferId
    code: str
    detail: str
