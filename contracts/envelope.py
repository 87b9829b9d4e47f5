"""The envelope around each message, and bundles of them: the body of every AMQP message of ours."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

MAX_BUNDLE_MESSAGES = 256
MAX_BUNDLE_BYTES = 1024 * 1024
REQUIRED_TEXTS = 2
OPTIONAL_TEXT = frozenset({str, type(None)})
GIVEN_UP = -1


class Undecodable(ValueError):
    """The bytes are not a bundle of envelopes."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a message is sent.

    `principal` is the user (`usr_…`) or, for API keys, the merchant (`mer_…`). `oversees` says that the
    edge found the permission that lets this route see or act on other people's things. `request` is the id that the
    client itself gave its request, if it did, `device` what it calls itself where somebody logs in.
    """

    principal: str
    session: str | None = None
    oversees: bool = False
    address: str | None = None
    request: str | None = None
    device: str | None = None

    def owns(self, owner: str) -> bool:
        """Whether things of `owner` exist for this caller."""
        return self.oversees or self.principal == owner


class Envelope(NamedTuple):
    """One message on its way, with what is needed to deduplicate, answer, retry and trace it.

    `id` is made once and reused by each re-send; the id of a root command is its operation's. `request`
    tells submissions of the same operation apart. `cause` is the id of the message that led to this one: in
    an answer, the message that is answered. `saga` travels with a saga's commands and comes back with the answers.
    `attempt` 0 is a first attempt that a worker has put back, so that nobody takes it for a new message; `GIVEN_UP`
    marks a message that is to be refused instead of handled.
    """

    id: str
    type: str
    body: Any
    operation: str | None = None
    request: str | None = None
    fingerprint: str | None = None
    cause: str | None = None
    reply_to: str | None = None
    saga: str | None = None
    caller: Caller | None = None
    attempt: int = 1
    traceparent: str | None = None
    sent_at: float = 0.0

    def again(self) -> "Envelope":
        """The same message for its next attempt; what is given up stays so."""
        return self if self.attempt == GIVEN_UP else self._replace(attempt=max(self.attempt, 1) + 1)

    def put_back(self) -> "Envelope":
        """The same message for the same attempt once more."""
        return self if self.attempt == GIVEN_UP else self._replace(attempt=self.attempt if self.attempt > 1 else 0)

    def afresh(self) -> "Envelope":
        """The same message with all its attempts before it."""
        return self._replace(attempt=0)

    def given_up(self) -> "Envelope":
        """The same message, to be refused with `Discarded` by whoever would have handled it."""
        return self._replace(attempt=GIVEN_UP)


def encode(envelope: Envelope) -> bytes:
    """One envelope as JSON; absent fields are left out."""
    fields: dict[str, Any] = {"id": envelope.id, "type": envelope.type, "body": envelope.body}
    for name in ("operation", "request", "fingerprint", "cause", "reply_to", "saga", "traceparent"):
        value = getattr(envelope, name)
        if value is not None:
            fields[name] = value
    if envelope.caller is not None:
        fields["caller"] = envelope.caller
    if envelope.attempt != 1:
        fields["attempt"] = envelope.attempt
    if envelope.sent_at:
        fields["sent_at"] = envelope.sent_at
    return to_json(fields)


def pack(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """Bundles of at most `MAX_BUNDLE_MESSAGES` and `MAX_BUNDLE_BYTES`, in order.

    A single message over the limit gets a bundle of its own: the edge bounds bodies long before.
    """
    parts: list[bytes] = []
    size = 2
    for part in encoded:
        if parts and (len(parts) == MAX_BUNDLE_MESSAGES or size + len(part) + 1 > MAX_BUNDLE_BYTES):
            yield b"[" + b",".join(parts) + b"]"
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield b"[" + b",".join(parts) + b"]"


def unpack(bundle: bytes, unreadable: Callable[[bytes], None] | None = None) -> list[Envelope]:
    """The envelopes of a bundle, bodies still as plain data. Raises `Undecodable`.

    With `unreadable`, a part that is no envelope goes there and its neighbours are not affected.
    """
    try:
        # Names recur, what is said of them does not.
        parts = from_json(bundle, cache_strings="keys")
    except ValueError as error:
        raise Undecodable("not a bundle: no JSON") from error
    if not isinstance(parts, list):
        raise Undecodable("not a bundle: no list")
    envelopes: list[Envelope] = []
    for fields in parts:
        try:
            envelopes.append(_envelope(fields))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if unreadable is None:
                raise Undecodable(f"not a bundle: {type(error).__name__}") from error
            unreadable(to_json(fields))
    return envelopes


def _envelope(fields: dict[str, Any]) -> Envelope:
    get = fields.get
    caller = get("caller")
    attempt, sent_at = get("attempt", 1), get("sent_at", 0.0)
    if type(fields["body"]) is not dict or type(attempt) is not int or type(sent_at) not in (float, int):
        raise TypeError
    texts = (
        fields["id"],
        fields["type"],
        get("operation"),
        get("request"),
        get("fingerprint"),
        get("cause"),
        get("reply_to"),
        get("saga"),
        get("traceparent"),
    )
    if None in texts[:REQUIRED_TEXTS] or not OPTIONAL_TEXT.issuperset(map(type, texts)):
        raise TypeError
    return Envelope(
        texts[0],
        texts[1],
        fields["body"],
        *texts[2:8],
        None if caller is None else _caller(caller.get, caller["principal"]),
        attempt,
        texts[8],
        sent_at,
    )


def _caller(get: Callable[..., Any], principal: str) -> Caller:
    return Caller(principal, get("session"), get("oversees", False), get("address"), get("request"), get("device"))
