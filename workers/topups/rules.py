"""What a top-up is and may become: pure, without a database, a provider or a clock."""

from datetime import datetime
from typing import NamedTuple

from contracts.envelope import Caller
from contracts.money import Currency
from contracts.operations import FailureView
from contracts.topups import (
    FailTopUp,
    RequestTopUp,
    TopUpFailed,
    TopUpRequested,
    TopUpStatus,
    TopUpSucceeded,
    TopUpView,
)
from workers.topups import methods


class TopUp(NamedTuple):
    """One row of `topups.topups`.

    `owner` is a principal, `amount` is in minor units, `provider_id` the provider's own name for the charge.
    """

    id: str
    status: TopUpStatus
    owner: str
    wallet_id: str
    amount: int
    currency: Currency
    method: str
    metadata: dict[str, str]
    provider_id: str | None
    failure_code: str | None
    failure_detail: str | None
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def request(cls, command: RequestTopUp, *, by: Caller, at: datetime, key: str) -> "TopUp":
        """What the caller asks for, as the row `key`. Raises `MethodUnknown`, `AmountOutOfRange`."""
        methods.check(command.method, command.currency, command.amount)
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
        )

    def charge(self, provider_id: str) -> "TopUp":
        """The provider has charged, under this name; it has one charge for one top-up."""
        assert self.status == "pending", "a top-up was charged that had ended"
        assert self.provider_id in (None, provider_id), "one top-up has two charges"
        return self._replace(provider_id=provider_id)

    def succeed(self, *, at: datetime) -> "TopUp":
        """The money is in the wallet. Again is harmless."""
        assert self.status in ("pending", "succeeded"), "money arrived for a top-up that failed"
        return self if self.status == "succeeded" else self._replace(status="succeeded", completed_at=at)

    def fail(self, command: FailTopUp, *, at: datetime) -> "TopUp":
        """Nothing was charged. Again is harmless."""
        assert self.status in ("pending", "failed"), "a top-up failed whose money has arrived"
        assert self.provider_id is None, "a top-up failed that was charged"
        if self.status == "failed":
            return self
        return self._replace(
            status="failed",
            failure_code=command.code,
            failure_detail=command.detail,
            completed_at=at,
        )

    def requested(self) -> TopUpRequested:
        """What starts the saga."""
        return TopUpRequested(
            topup_id=self.id,
            owner=self.owner,
            wallet_id=self.wallet_id,
            amount=self.amount,
            currency=self.currency,
            method=self.method,
        )

    def succeeded(self) -> TopUpSucceeded:
        """What is told when the money is there."""
        return TopUpSucceeded(topup=self.view(), owner=self.owner)

    def failed(self) -> TopUpFailed:
        """What is told when it is not."""
        return TopUpFailed(topup=self.view(), owner=self.owner)

    def view(self) -> TopUpView:
        """How its owner sees it."""
        return TopUpView(
            id=self.id,
            status=self.status,
            wallet_id=self.wallet_id,
            amount=self.amount,
            currency=self.currency,
            method=self.method,
            metadata=self.metadata,
            failure=self._failure(),
            created_at=self.created_at,
            completed_at=self.completed_at,
        )

    def _failure(self) -> FailureView | None:
        if self.failure_code is None:
            return None
        return FailureView(code=self.failure_code, detail=self.failure_detail or "")
