"""Charges and payouts: what a caller may ask for, and what the provider made of it."""

import hashlib
from typing import Annotated, Literal, Self

import uuid_utils
from pydantic import BaseModel, ConfigDict, Field

from sandbox.scripts import Script

AMOUNT_MAX = 10**15

Kind = Literal["charge", "payout"]
Status = Literal["pending", "succeeded", "declined", "reversed"]
Reference = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
PREFIXES: dict[Kind, str] = {"charge": "chg", "payout": "pyt"}


class Beneficiary(BaseModel):
    """Who gets a payout."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bank: Annotated[str, Field(min_length=1, max_length=100)]
    account_number: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=140)]


class ChargeRequest(BaseModel):
    """The body of `POST /v1/charges`; `amount` is an integer in minor units."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reference: Reference
    method: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_.-]+$")]
    amount: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def fingerprint(self) -> str:
        """Tell two bodies apart, however they were spaced and ordered."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def account_number(self) -> str | None:
        """The beneficiary's, if there is one."""
        return None


class PayoutRequest(ChargeRequest):
    """The body of `POST /v1/payouts`."""

    beneficiary: Beneficiary

    @property
    def account_number(self) -> str | None:
        """The beneficiary's, if there is one."""
        return self.beneficiary.account_number


class Payment(BaseModel):
    """A charge or payout as stored and as answered; `version` counts its changes."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: Status
    reference: str
    method: str
    amount: int
    currency: str
    decline_code: str | None = None
    created_at: str
    version: int = 1
    beneficiary: Beneficiary | None = None

    @classmethod
    def decide(cls, kind: Kind, request: ChargeRequest, script: Script, *, at: str) -> Self:
        """Follow the script; how the answer travels is decided elsewhere."""
        decided: Status = "pending" if script.pending else "declined" if script.decline_code else "succeeded"
        return cls(
            id=f"{PREFIXES[kind]}_{uuid_utils.uuid7().hex}",
            status=decided,
            decline_code=script.decline_code if decided == "declined" else None,
            created_at=at,
            **(request.model_dump() | {"amount": request.amount + script.amount_off}),
        )

    def changed(self, status: Status, decline_code: str | None = None) -> Self:
        """In its next state."""
        return self.model_copy(update={"status": status, "decline_code": decline_code, "version": self.version + 1})

    @property
    def kind(self) -> Kind:
        """Told by its id."""
        return "payout" if self.id.startswith(PREFIXES["payout"]) else "charge"

    def json_bytes(self) -> bytes:
        """Encode for the wire, leaving out what there is not."""
        return self.model_dump_json(exclude_none=True).encode()
