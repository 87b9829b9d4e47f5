"""Cursor pagination: `limit` and `after` in, `data`, `has_more` and `next` out."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from contracts.message import Kind, Query, Refusal, View

Cursor = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_=-]+$")]


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range.") from None


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A time to filter by (RFC 3339, with its offset), in UTC. A local time would mean another one on each server."""


class Page[V](View):
    """One page of a list. `next` goes into `after` of the next request."""

    data: list[V]
    has_more: bool
    next: str | None = None


class PageOf[V](Query[Page[V]]):
    """A question for a page of `V`s, newest first."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for base in cls.__mro__:
            if base.__name__.startswith("PageOf[") and issubclass(base, PageOf):
                cls.answer = Page.__class_getitem__(base.__pydantic_generic_metadata__["args"])  # type: ignore[assignment]
                break

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Cursor | None = None


class CursorInvalid(Refusal):
    """The cursor was not made by this list."""

    kind = Kind.INVALID
    detail = "The cursor in `after` is not one of this list's."
