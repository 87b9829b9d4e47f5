"""What a transfer is and may become: pure, without a database or a clock."""

from datetime import datetime
from typing import NamedTuple

from contracts.envelope import Caller
from contracts.ledger import SelfTransfer
from contracts.money import Currency
from contracts.operations import FailureView
from contracts.transfers import (
    CompleteTransfer,
    Destination,
    FailTransfer,
    RequestTransfer,
    Source,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
    TransferStatus,
    TransferView,
)


class Transfer(NamedTuple):
    """One row of `transfers.transfers`.

    `sender` and `recipient` are principals, `source` and `destination` wallets, `amount` is in minor units.
    From or to a card, or to an `email`, the wallet is known once it is completed; so is the `recipient`.
    """

    id: str
    status: TransferStatus
    sender: str
    source: str | None
    destination: str | None
    email: str | None
    recipient: str | None
    amount: int
    currency: Currency
    note: str | None
    metadata: dict[str, str]
    failure_code: str | None
    failure_detail: str | None
    created_at: datetime
    completed_at: datetime | None
    source_card: str | None
    destination_card: str | None

    @classmethod
    def request(cls, command: RequestTransfer, *, by: Caller, at: datetime, key: str) -> "Transfer":
        """What the caller asks for, as the row `key`. Raises `SelfTransfer`."""
        source, to = command.source, command.destination
        if (source.wallet_id, source.card_id) == (to.wallet_id, to.card_id):
            raise SelfTransfer
        return cls(
            key,
            "pending",
            by.principal,
            source.wallet_id,
            to.wallet_id,
            to.email,
            None,
            command.amount,
            command.currency,
            command.note,
            command.metadata,
            None,
            None,
            at,
            None,
            source.card_id,
            to.card_id,
        )

    def complete(self, command: CompleteTransfer, *, at: datetime) -> "Transfer":
        """The money has moved. Again is harmless; a failed transfer can't complete."""
        assert self.status != "failed", "money moved for a transfer that failed"
        if self.status == "completed":
            return self
        return self._replace(
            status="completed",
            source=command.source or self.source,
            destination=command.destination,
            recipient=command.recipient,
            completed_at=at,
        )

    def fail(self, command: FailTransfer, *, at: datetime) -> "Transfer":
        """No money has moved. Again is harmless; a completed transfer can't fail."""
        assert self.status != "completed", "a transfer failed whose money has moved"
        if self.status == "failed":
            return self
        return self._replace(
            status="failed",
            failure_code=command.code,
            failure_detail=command.detail,
            completed_at=at,
        )

    def requested(self) -> TransferRequested:
        """What starts the saga."""
        return TransferRequested(
            transfer_id=self.id,
            sender=self.sender,
            source=self.source,
            destination=self.destination,
            email=self.email,
            amount=self.amount,
            currency=self.currency,
            source_card=self.source_card,
            destination_card=self.destination_card,
        )

    def completed(self, view: TransferView) -> TransferCompleted:
        """What is told when the money has moved."""
        return TransferCompleted(transfer=view, sender=self.sender, recipient=self.recipient)

    def failed(self, view: TransferView) -> TransferFailed:
        """What is told when it has not."""
        return TransferFailed(transfer=view, sender=self.sender)

    def visible_to(self, caller: Caller) -> bool:
        """Whether it exists for this caller: it has two sides."""
        return caller.owns(self.sender) or caller.principal == self.recipient

    def view(self, *, to: Caller | None = None) -> TransferView:
        """How one side sees it; by default its sender, to whom a card stays a card and an address an address."""
        sending = to is None or to.principal == self.sender
        return TransferView(
            id=self.id,
            status=self.status,
            source=self._origin(sending=sending),
            destination=self._destination(sending=sending),
            amount=self.amount,
            currency=self.currency,
            note=self.note,
            metadata=self.metadata,
            failure=self._failure(),
            created_at=self.created_at,
            completed_at=self.completed_at,
        )

    def _origin(self, *, sending: bool) -> Source:
        if self.source_card is not None and (sending or self.source is None):
            return Source(card_id=self.source_card)
        return Source(wallet_id=self.source)

    def _destination(self, *, sending: bool) -> Destination:
        if self.destination is not None and not (sending and (self.email or self.destination_card)):
            return Destination(wallet_id=self.destination)
        return Destination(email=self.email, card_id=self.destination_card)

    def _failure(self) -> FailureView | None:
        if self.failure_code is None:
            return None
        return FailureView(code=self.failure_code, detail=self.failure_detail or "")
