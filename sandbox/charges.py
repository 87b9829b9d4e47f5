"""A charge: what a caller may ask for, and what the provider made of it."""

import hashlib
from typing import Annotated, Literal, Self

import uuid_utils
from pydantic import BaseModel, ConfigDict, Field

from sandbox.scripts import Script

AMOUNT_MAX = 10**15

Reference = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]


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


class Charge(BaseModel):
    """A decided charge, as stored and as answered."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: Literal["succeeded", "declined"]
    reference: str
    method: str
    amount: int
    currency: str
    decline_code: str | None = None
    created_at: str

    @classmethod
    def decide(cls, request: ChargeRequest, script: Script, *, at: str) -> Self:
        """Follow the script; how the answer travels is decided elsewhere."""
        return cls(
            id=f"chg_{uuid_utils.uuid7().hex}",
            status="declined" if script.decline_code else "succeeded",
            decline_code=script.decline_code,
            created_at=at,
            **request.model_dump(),
        )

    def json_bytes(self) -> bytes:
        """Encode for the wire, leaving out `decline_code` where there is none."""
        return self.model_dump_json(exclude_none=True).encode()
