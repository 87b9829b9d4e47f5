"""Withdrawals: money that leaves to a bank account."""

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from contracts.callbacks import ProviderName
from contracts.ids import CardId, UserId, WalletId, WithdrawalId
from contracts.message import Command, Event, Kind, Metadata, Query, Reason, Refusal, View, exactly_one
from contracts.money import Amount, Balance, Currency
from contracts.operations import FailureView
from contracts.pages import Moment, PageOf

WithdrawalStatus = Literal["pending", "in_transit", "paid", "failed", "canceled", "unknown"]
Outcome = Literal["paid", "failed"]
CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff"
Line = Annotated[str, StringConstraints(pattern=rf"^[^\s{CONTROLS}]([^{CONTROLS}]*[^\s{CONTROLS}])?$")]
"""Text on one line in any script, without blanks around it and without what turns the direction of writing."""

IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def _account_number(value: str) -> str:
    folded = value.replace(" ", "").replace("-", "").upper()
    if IBAN.fullmatch(folded):
        digits = "".join(str(int(letter, 36)) for letter in folded[4:] + folded[:4])
        if int(digits) % 97 != 1:
            raise ValueError("This IBAN has a mistake: its check digits don't fit.")
    return folded


class BeneficiaryView(View):
    """Whose account at which bank, as it was asked for."""

    bank: str
    account_number: str
    name: str


class Beneficiary(BeneficiaryView):
    """Whose account at which bank. An IBAN's check digits are checked (ISO 13616)."""

    bank: Annotated[Line, StringConstraints(max_length=100)]
    account_number: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{2,38}[A-Za-z0-9]$"), AfterValidator(_account_number)
    ]
    name: Annotated[Line, StringConstraints(max_length=140)]


class WithdrawalView(View):
    """One withdrawal. `fee` minor units are taken from the wallet beside `amount`."""

    id: WithdrawalId
    status: WithdrawalStatus
    wallet_id: WalletId | None
    card_id: CardId | None = None
    amount: Amount
    fee: Balance
    currency: Currency
    beneficiary: BeneficiaryView
    metadata: dict[str, str]
    failure: FailureView | None = None
    created_at: datetime
    completed_at: datetime | None = None


class RequestWithdrawal(Command[WithdrawalView]):
    """Pay out to a bank account, from a wallet or the wallet of a card. Raises `AmountOutOfRange`, `LimitExceeded`."""

    model_config = exactly_one("wallet_id", "card_id")

    wallet_id: WalletId | None = None
    card_id: CardId | None = None
    amount: Amount
    currency: Currency
    beneficiary: Beneficiary
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.wallet_id is None) == (self.card_id is None):
            raise ValueError("Name exactly one of wallet_id and card_id.")
        return self


class CancelWithdrawal(Command[WithdrawalView]):
    """Call a withdrawal back that has not gone to the provider yet. Again is harmless. Raises `CancelTooLate`."""

    withdrawal_id: WithdrawalId


class ResolveWithdrawal(Command[WithdrawalView]):
    """An operator has found out what has become of it. Again is harmless. Raises `NotUnresolved`, `AlreadyResolved`."""

    withdrawal_id: WithdrawalId
    outcome: Outcome
    reason: Reason


class GetWithdrawal(Query[WithdrawalView]):
    """One withdrawal."""

    withdrawal_id: WithdrawalId


class ListWithdrawals(PageOf[WithdrawalView]):
    """The caller's withdrawals (everybody's for those who oversee), newest first. `created_to` is exclusive."""

    status: WithdrawalStatus | None = None
    wallet_id: WalletId | None = None
    card_id: CardId | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None


class WithdrawalRequested(Event):
    """Somebody wants money at a bank."""

    withdrawal_id: WithdrawalId
    owner: UserId
    wallet_id: WalletId | None
    card_id: CardId | None
    amount: Amount
    fee: Balance
    currency: Currency


class WithdrawalPaid(Event):
    """The bank has it."""

    withdrawal: WithdrawalView
    owner: UserId
    provider: ProviderName = "sandbox"


class WithdrawalFailed(Event):
    """It was not paid, or came back; the money is in the wallet again."""

    withdrawal: WithdrawalView
    owner: UserId
    provider: ProviderName = "sandbox"


class WithdrawalCanceled(Event):
    """Its owner called it back in time."""

    withdrawal: WithdrawalView
    owner: UserId


class WithdrawalContradicted(Event):
    """The provider says now that it has become `to`, after the books were closed on the opposite."""

    withdrawal_id: WithdrawalId
    wallet_id: WalletId
    amount: Amount
    currency: Currency
    to: Outcome


class BeginPayout(Command[WithdrawalView]):
    """From here on it can't be canceled. Raises `Canceled`; `NotYet` as long as its owner may still think better."""

    internal = True

    withdrawal_id: WithdrawalId
    wallet_id: WalletId


class SubmitPayout(Command[WithdrawalView]):
    """Ask the provider to pay, once however often. Raises `Declined`, `NotYet`, `OutcomeUnknown`."""

    internal = True
    slow = True

    withdrawal_id: WithdrawalId


class PayoutEndView(View):
    """What has become of a payout, and how much was paid in minor units."""

    paid: bool
    amount: Balance


class ConfirmPayout(Command[PayoutEndView]):
    """Whether what the provider took on has arrived. Raises `NotYet`."""

    internal = True
    slow = True

    withdrawal_id: WithdrawalId


class CompleteWithdrawal(Command[WithdrawalView]):
    """The bank has it, and the hold is settled."""

    internal = True

    withdrawal_id: WithdrawalId


class FailWithdrawal(Command[WithdrawalView]):
    """Nothing was paid, and the hold is given back."""

    internal = True

    withdrawal_id: WithdrawalId
    owner: UserId
    currency: Currency
    code: str
    detail: str


class CorrectWithdrawal(Command[WithdrawalView]):
    """The books say now that it has become `to`. `receivable` of it is owed by its owner."""

    internal = True

    withdrawal_id: WithdrawalId
    to: Outcome
    receivable: Balance = 0


class Canceled(Refusal):
    """Its owner called it back in time."""

    kind = Kind.CONFLICT
    detail = "The withdrawal was canceled."


class CancelTooLate(Refusal):
    """It has gone to the provider."""

    kind = Kind.CONFLICT
    detail = "The withdrawal has gone to the bank and can't be canceled any more."
