"""What a handler needs loaded and locked before it decides: declared, so that a batch can lock in one order."""

from typing import Any, NamedTuple


class Rows(NamedTuple):
    """Rows by primary key, locked FOR NO KEY UPDATE. A missing one is simply not found."""

    entity: type[Any]
    keys: tuple[str, ...]


class Matching(NamedTuple):
    """All rows with these values in these columns, locked likewise.

    `exclusive` first takes an advisory lock on the values, for natural keys that must be unique.
    """

    entity: type[Any]
    columns: tuple[str, ...]
    values: tuple[Any, ...]
    exclusive: bool = False


Need = Rows | Matching


def rows(entity: type[Any], *keys: str) -> Rows:
    """Rows of `entity` by primary key."""
    return Rows(entity, keys)


def matching(entity: type[Any], **columns: Any) -> Matching:
    """Rows of `entity` that have these values: `matching(Account, owner=user, currency="IDR")`."""
    return Matching(entity, tuple(columns), tuple(columns.values()))


def unique(entity: type[Any], **columns: Any) -> Matching:
    """The row with this natural key, and nobody else can add it meanwhile: `unique(User, email=address)`."""
    return Matching(entity, tuple(columns), tuple(columns.values()), exclusive=True)
