"""What a withdrawal is and may become: pure, without a database, a provider or a clock."""

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from contracts.callbacks import WordStatus
from contracts.envelope import Caller
from contracts.money import Currency
from contracts.moving import AlreadyResolved, NotUnresolved
from contracts.operations import FailureView
from contracts.withdrawals import (
    BeneficiaryView,
    Canceled,
    CancelTooLate,
    FailWithdrawal,
    Outcome,
    RequestWithdrawal,
    WithdrawalCanceled,
    WithdrawalContradicted,
    WithdrawalFailed,
    WithdrawalPaid,
    WithdrawalRequested,
    WithdrawalStatus,
    WithdrawalView,
)
from workers.withdrawals import terms

BY_OPERATOR = "An operator found out that it was not paid."
RETURNED = "The bank sent it back."
OPEN = frozenset({"pending", "unknown", "in_transit"})


class Word(Protocol):
    """What a provider says of a payout, in an answer or by itself."""

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


class Withdrawal(NamedTuple):
    """One row of `withdrawals.withdrawals`.

    `owner` is a principal, `amount` and `fee` are in minor units. It can be canceled until it has `begun_at`. `heard`
    is how the payout stands by the latest word, number `version`, of `provider`, who calls it `provider_id` and has
    paid `paid`; an operator's word counts like it. `asks` is how often the provider was asked, `saga_id` who waits for
    an answer. `owes` is where a correction is taking it, `receivable` what its owner owes since.
    """

    id: str
    status: WithdrawalStatus
    owner: str
    wallet_id: str | None
    card_id: str | None
    amount: int
    fee: int
    currency: Currency
    beneficiary: dict[str, Any]
    metadata: dict[str, str]
    provider: str
    provider_id: str | None
    heard: WordStatus | None
    version: int
    paid: int | None
    reason: str | None
    asks: int
    saga_id: str | None
    decided: bool
    owes: Outcome | None
    receivable: int
    failure_code: str | None
    failure_detail: str | None
    created_at: datetime
    begun_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def request(cls, command: RequestWithdrawal, *, by: Caller, at: datetime, key: str, provider: str) -> "Withdrawal":
        """What the caller asks for, as the row `key`. Raises `AmountOutOfRange`."""
        return cls(
            id=key,
            status="pending",
            owner=by.principal,
            wallet_id=command.wallet_id,
            card_id=command.card_id,
            amount=command.amount,
            fee=terms.check(command.currency, command.amount).fee,
            currency=command.currency,
            beneficiary=command.beneficiary.model_dump(),
            metadata=command.metadata,
            provider=provider,
            provider_id=None,
            heard=None,
            version=0,
            paid=None,
            reason=None,
            asks=0,
            saga_id=None,
            decided=False,
            owes=None,
            receivable=0,
            failure_code=None,
            failure_detail=None,
            created_at=at,
            begun_at=None,
            completed_at=None,
        )

    @property
    def is_open(self) -> bool:
        """Whether its saga is still on the way."""
        return self.status in OPEN

    @property
    def is_answered(self) -> bool:
        """Whether what the provider has done is known."""
        return self.heard not in (None, "pending")

    @property
    def correction(self) -> Outcome | None:
        """Where the books must go, if they don't say what was heard; one correction after the other."""
        if self.is_open or self.owes is not None:
            return None
        if self.heard == "succeeded" and self.status != "paid":
            return "paid"
        return "failed" if self.heard in ("declined", "reversed") and self.status == "paid" else None

    def cancel(self, *, at: datetime) -> "Withdrawal":
        """Called back. Again is harmless. Raises `CancelTooLate`."""
        if self.status == "canceled":
            return self
        if self.status != "pending" or self.begun_at is not None:
            raise CancelTooLate
        return self._replace(status="canceled", completed_at=at)

    def waits_for_grace(self, saga_id: str | None) -> "Withdrawal":
        """Its owner may still think better; who waits is to be told."""
        return self._replace(saga_id=saga_id)

    def begin(self, wallet_id: str, *, at: datetime) -> "Withdrawal":
        """From here on it can't be called back. Again is harmless. Raises `Canceled`."""
        if self.status == "canceled":
            raise Canceled
        return self if self.begun_at else self._replace(begun_at=at, wallet_id=wallet_id)

    def asked(self, saga_id: str | None, *, counts: bool) -> "Withdrawal":
        """The provider was asked; it `counts` if it may have heard us."""
        return self._replace(asks=self.asks + counts, saga_id=saga_id)

    def hear(self, word: Word) -> "Withdrawal":
        """The provider's word. An old one, or one about another payout, changes nothing."""
        if word.version <= self.version or self.provider_id not in (None, word.provider_id):
            return self
        return self._replace(
            provider_id=word.provider_id,
            heard=word.status,
            version=word.version,
            paid=word.amount,
            reason=word.reason,
        )

    def waiting(self) -> "Withdrawal":
        """There is no answer: unknown, if the provider may have heard us."""
        return self._replace(status="unknown" if self.asks > 0 else "pending")

    def taken_on(self) -> "Withdrawal":
        """The provider has accepted it."""
        return self._replace(status="in_transit")

    def resolve(self, outcome: Outcome) -> "Withdrawal":
        """An operator's word. Again is harmless. Raises `NotUnresolved`, `AlreadyResolved`."""
        if not self.is_open or self.decided:
            known = "paid" if self.heard == "succeeded" else "failed"
            if known != outcome:
                raise AlreadyResolved
            return self
        if self.asks == 0 or self.is_answered:
            raise NotUnresolved
        if outcome == "paid":
            return self._replace(heard="succeeded", paid=self.amount, decided=True)
        return self._replace(heard="declined", reason=BY_OPERATOR, decided=True)

    def complete(self, *, at: datetime) -> "Withdrawal":
        """The bank has it. Again is harmless."""
        return self._replace(status="paid", completed_at=at) if self.is_open else self

    def fail(self, command: FailWithdrawal, *, at: datetime) -> "Withdrawal":
        """Nothing was paid. Again is harmless."""
        assert self.status != "paid", "a withdrawal failed that was paid"
        if not self.is_open:
            return self
        return self._replace(status="failed", failure_code=command.code, failure_detail=command.detail, completed_at=at)

    def correcting(self, to: Outcome) -> "Withdrawal":
        """The books are on their way there."""
        return self._replace(owes=to)

    def corrected(self, to: Outcome, receivable: int, *, at: datetime) -> "Withdrawal":
        """They have arrived. Again is harmless."""
        if self.owes != to:
            return self
        code, detail = ("returned", self.reason or RETURNED) if to == "failed" else (None, None)
        return self._replace(
            status=to,
            owes=None,
            receivable=self.receivable + receivable,
            failure_code=code,
            failure_detail=detail,
            completed_at=at,
        )

    def requested(self) -> WithdrawalRequested:
        """What starts the saga."""
        return WithdrawalRequested(
            withdrawal_id=self.id,
            owner=self.owner,
            wallet_id=self.wallet_id,
            card_id=self.card_id,
            amount=self.amount,
            fee=self.fee,
            currency=self.currency,
        )

    def contradicted(self, to: Outcome) -> WithdrawalContradicted:
        """What starts the other saga."""
        assert self.wallet_id is not None, "what has been submitted has a wallet"
        # Whatever the bank has paid: the wallet has given what was ordered, and gets that back.
        return WithdrawalContradicted(
            withdrawal_id=self.id, wallet_id=self.wallet_id, amount=self.amount, currency=self.currency, to=to
        )

    def ended(self) -> WithdrawalPaid | WithdrawalFailed | WithdrawalCanceled:
        """What is told when it is over."""
        if self.status == "failed":
            return WithdrawalFailed(withdrawal=self.view(), owner=self.owner, provider=self.provider)
        if self.status == "canceled":
            return WithdrawalCanceled(withdrawal=self.view(), owner=self.owner)
        return WithdrawalPaid(withdrawal=self.view(), owner=self.owner, provider=self.provider)

    def audited(self) -> dict[str, object]:
        """What an operator's action may change of it."""
        return {"status": self.status, "heard": self.heard, "decided": self.decided}

    def view(self) -> WithdrawalView:
        """How its owner sees it."""
        failure = None
        if self.failure_code is not None:
            failure = FailureView(code=self.failure_code, detail=self.failure_detail or "")
        return WithdrawalView(
            id=self.id,
            status=self.status,
            wallet_id=self.wallet_id,
            card_id=self.card_id,
            amount=self.amount,
            fee=self.fee,
            currency=self.currency,
            beneficiary=BeneficiaryView.model_construct(**self.beneficiary),
            metadata=self.metadata,
            failure=failure,
            created_at=self.created_at,
            completed_at=self.completed_at,
        )
