"""Identifiers: opaque text, a type prefix and 128 bits in hexadecimal, e.g. `trf_0192f0c1…`."""

from hashlib import blake2b
from typing import Annotated

from pydantic import StringConstraints
from uuid_utils import uuid7

Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
"""Any identifier of ours. Opaque on purpose: one of the wrong type is simply not found."""

UserId = Id
SessionId = Id
RoleId = Id
WalletId = Id
CardId = Id
MerchantId = Id
KeyId = Id
PaymentId = Id
CaptureId = Id
RefundId = Id
MovementId = Id
HoldId = Id
TopUpId = Id
TransferId = Id
WithdrawalId = Id
OperationId = Id
SagaId = Id


def new(prefix: str) -> str:
    """A fresh identifier that sorts by its time of making (UUIDv7)."""
    return f"{prefix}_{text(uuid7().bytes)}"


def derived(prefix: str, *parts: str, key: bytes = b"") -> str:
    """The same parts give the same identifier; each part is length-prefixed, so none can bleed into the next."""
    return f"{prefix}_{text(digest(*parts, key=key))}"


def sibling(prefix: str, other: str) -> str:
    """`other` under another prefix: what one operation makes is recognisable at a glance."""
    return f"{prefix}_{other.split('_', 2)[1]}"


def digest(*parts: str, key: bytes = b"", size: int = 16) -> bytes:
    """A keyed BLAKE2b hash over length-prefixed parts."""
    hasher = blake2b(digest_size=size, key=key)
    for part in parts:
        data = part.encode()
        hasher.update(len(data).to_bytes(4, "big"))
        hasher.update(data)
    return hasher.digest()


def text(data: bytes) -> str:
    """Lower-case hexadecimal: keeps the order of the bytes, and is the one encoding that costs nothing."""
    return data.hex()
