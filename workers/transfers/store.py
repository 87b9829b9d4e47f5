"""How transfers are kept, locked and found again."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from workers.runtime.needs import Need, rows
from workers.runtime.stored import mapping, stored
from workers.transfers.rules import Transfer
from workers.transfers.tables import transfers

stored(
    Transfer,
    transfers,
    order=50,
    mutable=("status", "destination", "recipient", "failure_code", "failure_detail", "completed_at"),
)


def transfer(key: str) -> Iterable[Need]:
    """Need one transfer."""
    return (rows(Transfer, key),)


def read(row: Row[Any]) -> Transfer:
    """The entity of a whole row."""
    return mapping(Transfer).load(row)
