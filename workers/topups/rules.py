"""What a top-up is and may become: pure, without a database, a provider or a clock."""

from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from contracts.callbacks import WordStatus
from contracts.envelope import Caller
from contracts.money import Currency
from contracts.moving import AlreadyResolved, NotUnresolved
from contracts.operations import FailureView
from contracts.topups import (
    CorrectTopUp,
    FailTopUp,
    NotReversible,
    RequestTopUp,
    ReverseTopUp,
    TopUpContradicted,
    TopUpFailed,
    TopUpRequested,
    TopUpReversed,
    TopUpStatus,
    TopUpSucceeded,
    TopUpView,
)
from workers.topups import methods

Correction = Literal["succeeded", "reversed"]
BY_OPERATOR = "An operator found out that it was not charged."


class Word(Protocol):
    """What a provider says of a charge, in an answer or by itself."""

    @property
    def provider_id(self) -> str: ...  # noqa: D102 - as in the port
    @property
    def status(self) -> WordStatus: ...  # noqa: D102
    @property
    def amount(self) -> int: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def reason(self) -> str | None: ...  # noqa: D102


class TopUp(NamedTuple):
    """One row of `topups.topups`.

    `owner` is a principal, `amount` is in minor units. `heard` is how the charge stands by the latest word, number
    `version`, of `provider`, who calls it `provider_id` and has charged `received`; an operator's word counts like it.
    `asks` is how often the provider was asked, `saga_id` who waits for an answer. `owes` is where a correction is
    taking it, `receivable` what its owner owes since. `booked` minor units of it are in the wallet, or lie at suspense
    for an operator if they are `parked`.
    """

    id: str
    status: TopUpStatus
    owner: str
    wallet_id: str | None
    amount: int
    currency: Currency
    method: str
    metadata: dict[str, str]
    provider_id: str | None
    failure_code: str | None
    failure_detail: str | None
    created_at: datetime
    completed_at: datetime | None
    card_id: str | None
    fee: int
    provider: str
    heard: WordStatus | None
    version: int
    received: int | None
    reason: str | None
    asks: int
    saga_id: str | None
    decided: bool
    owes: Correction | None
    receivable: int
    booked: int
    parked: bool

    @classmethod
    def request(cls, command: RequestTopUp, *, by: Caller, at: datetime, key: str, provider: str) -> "TopUp":
        """What the caller asks for, as the row `key`. Raises `MethodUnknown`, `AmountOutOfRange`."""
        method = methods.check(command.method, command.currency, command.amount)
        return cls(
            id=key,
            status="pending",
            owner=by.principal,
            wallet_id=command.wallet_id,
            amount=command.amount,
            currency=command.currency,
            method=command.method,
            metadata=command.metadata,
            provider_id=None,
            failure_code=None,
            failure_detail=None,
            created_at=at,
            completed_at=None,
            card_id=command.card_id,
            fee=method.fee,
            provider=provider,
            heard=None,
            version=0,
            received=None,
            reason=None,
            asks=0,
            saga_id=None,
            decided=False,
            owes=None,
            receivable=0,
            booked=0,
            parked=False,
        )

    @property
    def is_open(self) -> bool:
        """Whether its saga is still on the way."""
        return self.status in ("pending", "unknown")

    @property
    def is_answered(self) -> bool:
        """Whether what the provider has done is known."""
        return self.heard not in (None, "pending")

    @property
    def fits(self) -> bool:
        """Whether that much was charged as was asked for."""
        return self.received in (None, self.amount)

    @property
    def charged(self) -> int:
        """How much that is by the latest word, in minor units."""
        return self.amount if self.received is None else self.received

    @property
    def in_books(self) -> int:
        """How much of it is in the books, in minor units."""
        # What an older version completed doesn't say.
        return self.booked or (self.charged if self.status == "succeeded" else 0)

    @property
    def correction(self) -> Correction | None:
        """Where the books must go, if they don't say what was heard; one correction after the other.

        What is parked is an operator's to give to anybody: of it only the provider can want something, to have it back.
        """
        if self.is_open or self.owes is not None:
            return None
        if self.parked:
            return "reversed" if self.heard == "reversed" else None
        if self.heard == "succeeded" and not self.in_books:
            return "succeeded"
        return "reversed" if self.heard in ("declined", "reversed") and self.in_books else None

    def asked(self, wallet_id: str | None, saga_id: str | None, *, counts: bool) -> "TopUp":
        """The provider was asked; it `counts` if it may have heard us."""
        asks = self.asks + counts
        return self._replace(asks=asks, saga_id=saga_id, wallet_id=self.wallet_id or wallet_id)

    def hear(self, word: Word) -> "TopUp":
        """The provider's word. An old one, or one about another charge, changes nothing."""
        if word.version <= self.version or self.provider_id not in (None, word.provider_id):
            return self
        return self._replace(
            provider_id=word.provider_id,
            heard=word.status,
            version=word.version,
            received=word.amount,
            reason=word.reason,
        )

    def waiting(self) -> "TopUp":
        """There is no answer: unknown, unless the provider has said that it takes its time."""
        lost = self.heard is None and self.asks > 0
        return self._replace(status="unknown" if lost else "pending")

    def doubted(self, saga_id: str | None) -> "TopUp":
        """Nobody but an operator can tell what it has become."""
        return self._replace(status="unknown", saga_id=saga_id)

    def resolve(self, outcome: Literal["succeeded", "failed"]) -> "TopUp":
        """An operator's word. Again is harmless. Raises `NotUnresolved`, `AlreadyResolved`."""
        if not self.is_open or self.decided:
            known = self.status if not self.is_open else "succeeded" if self.heard == "succeeded" else "failed"
            if known != outcome:
                raise AlreadyResolved
            return self
        if self.asks == 0 or (self.is_answered and self.fits):
            raise NotUnresolved
        if outcome == "succeeded":
            return self._replace(heard="succeeded", received=self.charged, decided=True)
        return self._replace(heard="declined", reason=BY_OPERATOR, decided=True)

    def succeed(self, amount: int, *, at: datetime) -> "TopUp":
        """The money is in the wallet: so many minor units, or 0 for what was charged. Again is harmless."""
        assert self.status != "failed", "money arrived for a top-up that failed"
        if not self.is_open:
            return self
        return self._replace(status="succeeded", booked=amount or self.charged, completed_at=at)

    def fail(self, command: FailTopUp, *, at: datetime) -> "TopUp":
        """Nothing was charged, or it is not for the wallet. Again is harmless."""
        assert self.is_open or self.status == "failed", "a top-up failed whose money has arrived"
        if not self.is_open:
            return self
        return self._replace(
            status="failed",
            failure_code=command.code,
            failure_detail=command.detail,
            booked=command.parked,
            parked=command.parked > 0,
            completed_at=at,
        )

    def reverse(self, command: ReverseTopUp) -> "TopUp":
        """An operator takes it back. Raises `NotReversible`."""
        if self.status != "succeeded" or self.owes is not None:
            raise NotReversible
        return self._replace(heard="reversed", reason=command.reason)

    def correcting(self, to: Correction) -> "TopUp":
        """The books are on their way there."""
        return self._replace(owes=to)

    def corrected(self, command: CorrectTopUp, *, at: datetime) -> "TopUp":
        """They have arrived. Again is harmless."""
        if self.owes != command.to:
            return self
        amount = 0 if command.to == "reversed" else command.amount or self.charged
        here = self._replace(owes=None, booked=amount, parked=command.parked, completed_at=at)
        if command.parked:
            return here
        owed = self.receivable + command.receivable
        return here._replace(status=command.to, receivable=owed, failure_code=None, failure_detail=None)

    def requested(self) -> TopUpRequested:
        """What starts the saga."""
        return TopUpRequested(
            topup_id=self.id,
            owner=self.owner,
            wallet_id=self.wallet_id,
            amount=self.amount,
            currency=self.currency,
            method=self.method,
            card_id=self.card_id,
        )

    def contradicted(self, to: Correction) -> TopUpContradicted:
        """What starts the other saga."""
        assert self.wallet_id is not None, "what has ended with money has a wallet"
        return TopUpContradicted(
            topup_id=self.id,
            wallet_id=self.wallet_id,
            amount=self.in_books if to == "reversed" else self.charged,
            currency=self.currency,
            to=to,
            parked=self.parked,
        )

    def ended(self) -> TopUpSucceeded | TopUpFailed | TopUpReversed:
        """What is told when it is over."""
        if self.status == "failed":
            return TopUpFailed(topup=self.view(), owner=self.owner)
        if self.status == "reversed":
            return TopUpReversed(topup=self.view(), owner=self.owner, provider=self.provider)
        return TopUpSucceeded(topup=self.view(), owner=self.owner, provider=self.provider)

    def audited(self) -> dict[str, object]:
        """What an operator's action may change of it."""
        return {"status": self.status, "heard": self.heard, "received": self.received, "decided": self.decided}

    def view(self) -> TopUpView:
        """How its owner sees it."""
        return TopUpView(
            id=self.id,
            status=self.status,
            wallet_id=self.wallet_id,
            card_id=self.card_id,
            amount=self.amount,
            currency=self.currency,
            method=self.method,
            metadata=self.metadata,
            fee=self.fee,
            amount_received=None if self.fits else self.received,
            receivable=self.receivable or None,
            failure=self._failure(),
            created_at=self.created_at,
            completed_at=self.completed_at,
        )

    def _failure(self) -> FailureView | None:
        if self.failure_code is None:
            return None
        return FailureView(code=self.failure_code, detail=self.failure_detail or "")
