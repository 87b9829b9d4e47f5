"""The kinds of message: commands, queries, events, refusals and views."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, ClassVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)
from pydantic.fields import FieldInfo

VERSION = 1


class Secret:
    """Marks a field that may travel only in a call, and is never shown: see `SecretText`."""


SecretText = Annotated[str, StringConstraints(min_length=1, max_length=1024), Secret()]


class Reveal:
    """Marks a field of a command's answer that is shown for a while and kept nowhere in clear: see `Revealed`."""


Revealed = Annotated[str | None, Reveal(), PlainSerializer(lambda _: None, return_type=str | None)]
"""What is shown once: null whenever an answer is written down. The handler says it apart, with `uow.reveal(name=…)`."""

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Text without control characters: PostgreSQL refuses NUL, and people don't write the others."""

Reason = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""Why somebody does this: kept in the audit trail."""

Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")],
        Annotated[Text, StringConstraints(max_length=500)],
    ],
    Field(max_length=20),
]


class Message(BaseModel):
    """Anything that is said. Frozen, and tolerant of unknown fields on the wire; the edge forbids them."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    domain: ClassVar[str] = ""
    wire_name: ClassVar[str] = ""
    secrets: ClassVar[frozenset[str]] = frozenset()
    reveals: ClassVar[frozenset[str]] = frozenset()
    # What kind of message it is, without the price of `isinstance` on an abstract class.
    is_asked: ClassVar[bool] = False
    is_call: ClassVar[bool] = False
    is_event: ClassVar[bool] = False
    is_change: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.domain = cls.__module__.rpartition(".")[2]
        cls.wire_name = f"{cls.domain}.{cls.__name__}.v{VERSION}"
        cls.secrets = frozenset(name for name, info in cls.model_fields.items() if _marked(info, Secret))
        cls.reveals = frozenset(name for name, info in cls.model_fields.items() if _marked(info, Reveal))

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        return ((name, value) for name, value in super().__repr_args__() if name not in self.secrets | self.reveals)


def _marked(info: FieldInfo, mark: type[Any]) -> bool:
    marks = [
        *info.metadata,
        *(mark for part in get_args(info.annotation) for mark in getattr(part, "__metadata__", ())),
    ]
    return any(isinstance(one, mark) for one in marks)


def exactly_one(*ways: str | tuple[str, ...]) -> ConfigDict:
    """The JSON Schema of a message that says exactly one of these fields, or of these groups of fields.

    What holds it is the message's own validator; a null is as good as nothing.
    """
    groups = [{way} if isinstance(way, str) else {*way} for way in ways]
    every = sorted(set().union(*groups))
    options = [
        {
            "required": sorted(group),
            "properties": {name: {"not": {"type": "null"}} if name in group else {"type": "null"} for name in every},
        }
        for group in groups
    ]
    return ConfigDict(json_schema_extra={"oneOf": options})  # type: ignore[dict-item]


class View(Message):
    """What a caller sees of a thing: the answer of a command or query."""


class Nothing(View):
    """The answer of what is done without a word: HTTP says 204."""


class CountView(View):
    """How many things a bulk command changed."""

    count: int


class Asked[A](Message):
    """A message with one answer, named once: `class OpenWallet(Command[WalletView])`."""

    is_asked = True
    answer: ClassVar[type[Any]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for base in cls.__mro__:
            arguments = getattr(base, "__pydantic_generic_metadata__", {}).get("args", ())
            if arguments:
                cls.answer = arguments[0]
                break


class Command[A](Asked[A]):
    """Imperative and durable. `internal` ones come from workers only, `slow` ones have a queue of their own."""

    internal: ClassVar[bool] = False
    slow: ClassVar[bool] = False


class Change[A](Command[A]):
    """Changes what is said and lets the rest be: a null is said, and what is left out is not."""

    is_change = True

    @model_serializer(mode="wrap")
    def _what_is_said(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if name in self.model_fields_set}


class Call[A](Asked[A]):
    """A transient command that may carry secrets: never stored or dead-lettered, answered directly or not at all."""

    is_call = True


class Query[A](Asked[A]):
    """A transient question; reads only."""


class Event(Message):
    """Something that has happened; past tense."""

    is_event = True


class Kind(StrEnum):
    """The kinds of refusal; the edge maps each to one HTTP status."""

    MALFORMED = "malformed"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    MONEY = "money"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


class Problem(View):
    """A refusal as it travels and is stored. `code` is stable snake_case; nothing internal leaks."""

    kind: Kind
    code: str
    title: str
    detail: str
    retry_after_seconds: int | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class Refusal(Exception):
    """A business "no": a state of the world, raised by rules and handlers and told to the caller."""

    kind: ClassVar[Kind] = Kind.CONFLICT
    detail: ClassVar[str] = ""

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail or self.detail)
        self.retry_after_seconds = retry_after_seconds

    @classmethod
    def code(cls) -> str:
        """The class name in snake_case: `InsufficientFunds` is `insufficient_funds`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def problem(self) -> Problem:
        """The refusal as data."""
        code = self.code()
        title = code.replace("_", " ").capitalize()
        return Problem(
            kind=self.kind,
            code=code,
            title=title,
            detail=str(self.args[0]),
            retry_after_seconds=self.retry_after_seconds,
        )


class NotFound(Refusal):
    """There is no such thing, or it is somebody else's: the same answer for both."""

    kind = Kind.NOT_FOUND
    detail = "There is no such thing here."


class IdempotencyKeyReused(Refusal):
    """The key belongs to another request."""

    kind = Kind.INVALID
    detail = "This Idempotency-Key was used with a different request."


class DeadlineExceeded(Refusal):
    """The business process did not reach its point of no return in time and was undone."""

    detail = "The operation could not be finished in time and was undone: ask again with a new key."


class NotYet(Refusal):
    """An internal command has no answer yet: its saga asks again after `retry_after_seconds`, or when it is nudged."""

    kind = Kind.UNAVAILABLE
    detail = "There is no answer yet."


class OutcomeUnknown(NotYet):
    """Likewise, and nobody knows what has happened: meanwhile the operation is `unknown`."""

    detail = "The outcome is not known yet."


class Discarded(Refusal):
    """An operator discarded the message after it had failed repeatedly."""

    detail = "The operation could not be processed and was discarded by an operator."
