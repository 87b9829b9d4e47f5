"""How top-ups are kept, locked and found again."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from workers.runtime.needs import Need, rows
from workers.runtime.stored import mapping, stored
from workers.topups.rules import TopUp
from workers.topups.tables import topups

stored(
    TopUp,
    topups,
    order=40,
    mutable=("status", "provider_id", "failure_code", "failure_detail", "completed_at"),
)


def topup(key: str) -> Iterable[Need]:
    """Need one top-up."""
    return (rows(TopUp, key),)


def read(row: Row[Any]) -> TopUp:
    """The entity of a whole row."""
    return mapping(TopUp).load(row)
