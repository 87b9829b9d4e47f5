"""Who changed what: entries that are only ever added, in the transaction of the change itself."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import to_jsonable_python
from sqlalchemy import Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from contracts.message import View
from workers.runtime.stored import stored
from workers.runtime.tables import Id, Time

type Shown = View | Mapping[str, Any] | None
"""A thing as an entry shows it: a view, or a few of its fields."""

HIDDEN = "[hidden]"
SECRET_NAME = re.compile(
    r"(^|_)(passwords?|passphrase|secrets?|tokens?|hash(es)?|digest|seed|keys?|pan|cvv|codes?|totp)$", re.IGNORECASE
)
SECRET_VALUE = re.compile(r"\$argon2|eyJ[\w-]+\.|\b(sk|whsec)_\w|(?<!\w)\d(?:[ -]?\d){12,18}(?!\w)")
"""Hashes, JSON Web Tokens, keys of ours, and what could be a card's number."""

audit = Table(
    "audit",
    MetaData(schema="operations"),
    Column("id", Id, primary_key=True),
    Column("actor", Id, nullable=False),
    Column("action", Id, nullable=False),
    Column("object", Id, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("address", Text),
    Column("request_id", Text),
    Column("operation_id", Id),
    Column("reason", Text),
    Column("created_at", Time, nullable=False),
)
"""Columns stand in the order of `Entry`'s fields, so a row is an entity."""


class Entry(NamedTuple):
    """One change. `actor` is a principal, `action` the message's wire name without its version."""

    id: str
    actor: str
    action: str
    object: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None
    operation_id: str | None
    reason: str | None
    created_at: datetime


stored(Entry, audit, order=90)


def difference(before: Shown, after: Shown) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Both without secrets; of two, only what differs: nothing at all where nothing has changed."""
    old, new = _plain(before), _plain(after)
    if old is not None and new is not None:
        changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        old, new = ({name: one[name] for name in changed if name in one} for one in (old, new))
    return _without_secrets(old), _without_secrets(new)


def _plain(shown: Shown) -> dict[str, Any] | None:
    if shown is None:
        return None
    fields = shown.model_dump(exclude=set(shown.secrets | shown.reveals)) if isinstance(shown, View) else dict(shown)
    plain: dict[str, Any] = to_jsonable_python(fields)
    return plain


def _without_secrets(value: Any) -> Any:
    """Hidden, not refused: a customer may well have written a card's number into a label."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if SECRET_NAME.search(name) and inner is not None else _without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return HIDDEN if isinstance(value, str) and SECRET_VALUE.search(value) else value
