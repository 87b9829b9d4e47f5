"""What an operation shows once: sealed for some minutes, opened for its own principal, then erased."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import from_json, to_json

from workers.runtime.codes import Code
from workers.runtime.sealing import Sealer
from workers.runtime.settings import Settings
from workers.runtime.tables import Revealed

Reveal = str | Code
"""A value to show, or the recipe of one that is never kept."""


class Reveals:
    """Seals and opens. A `Code` is computed anew for each look: only its recipe is sealed."""

    def __init__(self, sealer: Sealer, code_key: bytes, *, seconds: float) -> None:
        self._sealer = sealer
        self._code_key = code_key
        self._lifetime = timedelta(seconds=seconds)

    @classmethod
    def of(cls, settings: Settings) -> "Reveals":
        """As the settings say."""
        key = base64.urlsafe_b64decode(settings.cvv_key.get_secret_value() + "==")
        return cls(Sealer(settings.sealing_keys), key, seconds=settings.reveal_seconds)

    def sealed(self, operation: str, principal: str, values: Mapping[str, Reveal], now: datetime) -> Revealed:
        """The row that keeps them; it opens for this operation and principal only."""
        plain = to_json({name: _written(value) for name, value in values.items()})
        return Revealed(
            operation, principal, self._sealer.seal(plain, to=_name(operation, principal)), now + self._lifetime
        )

    def opened(self, row: Revealed, now: datetime) -> dict[str, str]:
        """What is still to be shown. Raises `SealBroken`."""
        if row.expires_at <= now:
            return {}
        kept: dict[str, Any] = from_json(self._sealer.open(row.sealed, to=_name(row.id, row.principal)))
        return {name: self._read(value) for name, value in kept.items()}

    def _read(self, value: Any) -> str:
        if isinstance(value, dict):
            return Code(value["digits"], tuple(value["parts"])).computed(self._code_key)
        return str(value)


def _name(operation: str, principal: str) -> str:
    return f"{operation} {principal}"


def _written(value: Reveal) -> Any:
    return {"digits": value.digits, "parts": value.parts} if isinstance(value, Code) else value
