"""Tables of handlers: each domain's table of contents."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from contracts.envelope import Caller
from contracts.message import Asked, Call, Command, Event, Message, Query, Refusal
from workers.runtime.needs import Need
from workers.runtime.resources import Resources

Decide = Callable[[Any, Any], Any]
Needs = Callable[[Any], Iterable[Need]]
NeedsMore = Callable[[Any, Caller, Any], Iterable[Need]]
Prepare = Callable[[Any, "Preparation"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Preparation:
    """What slow preparation may use. It may run twice for one message; `message_id` is the same both times."""

    message_id: str
    resources: Resources
    caller: Caller | None = None

    @property
    def by(self) -> Caller:
        """On whose behalf."""
        assert self.caller is not None, "this message has no caller"
        return self.caller


@dataclass(frozen=True, slots=True)
class Handler:
    """How one command, call or event is handled."""

    message: type[Message]
    decide: Decide
    needs: Needs | None = None
    prepare: Prepare | None = None
    finished_by: type[Any] | None = None
    needs_more: NeedsMore | None = None


@dataclass
class Handlers:
    """The commands and calls of one domain, and its reactions to events."""

    domain: str
    table: dict[str, Handler] = field(default_factory=dict)

    def including(self, *others: "Handlers") -> "Handlers":
        """These and those of the same domain that live in files of their own."""
        whole = Handlers(self.domain, dict(self.table))
        for handler in (handler for other in others for handler in other.table.values()):
            whole._add(handler)
        return whole

    def command[A](
        self,
        message: type[Command[A]] | type[Call[A]],
        *,
        needs: Needs | None = None,
        prepare: Prepare | None = None,
        finished_by: type[Any] | None = None,
        needs_more: NeedsMore | None = None,
    ) -> Callable[[Callable[[Any, Any], A | Refusal | None]], Callable[[Any, Any], A | Refusal | None]]:
        """Handle a command or call: `decide(command, uow) -> A`, plain, without I/O; it may raise a `Refusal`.

        A refusal that is raised drops what the handler wrote; one that is returned keeps it, as where a failed attempt
        counts. `needs` names what is loaded and locked first; `needs_more`, given (command, caller, prepared), what
        takes knowing these. `prepare` is an async function of (command, `Preparation`) that runs before the
        transaction, may run twice, and whose result is `uow.prepared`. `finished_by` names the saga that finishes the
        operation in the handler's place, which then may have no answer.
        """

        def register(decide: Callable[[Any, Any], A | Refusal | None]) -> Callable[[Any, Any], A | Refusal | None]:
            self._add(Handler(message, decide, needs, prepare, finished_by, needs_more))
            return decide

        return register

    def include(self, *others: "Handlers") -> None:
        """Host these as well: a domain may keep the handlers of each of its nouns apart."""
        for other in others:
            for handler in other.table.values():
                self._add(handler)

    def reaction[E: Event](
        self, event: type[E], *, needs: Needs | None = None
    ) -> Callable[[Callable[[E, Any], None]], Callable[[E, Any], None]]:
        """React to an event of another domain: `react(event, uow) -> None`."""

        def register(react: Callable[[E, Any], None]) -> Callable[[E, Any], None]:
            self._add(Handler(event, react, needs))
            return react

        return register

    def _add(self, handler: Handler) -> None:
        name = handler.message.wire_name
        assert name not in self.table, f"{name} has a handler already"
        own = handler.message.domain == self.domain or issubclass(handler.message, Event)
        assert own, f"{name} is not {self.domain}'s to handle"
        slow = getattr(handler.message, "slow", False) or issubclass(handler.message, Call)
        assert handler.prepare is None or slow, f"{name} is prepared, so it must be slow"
        # Of a saga's own step the answer would count as its end, and it has none yet.
        internal = getattr(handler.message, "internal", False)
        assert not (internal and handler.finished_by), f"{name} is a step, which no other saga can finish"
        self.table[name] = handler


Answer = Callable[[Any, Any], Awaitable[Any]]


@dataclass
class Queries:
    """The queries of one domain."""

    domain: str
    table: dict[str, tuple[type[Asked[Any]], Answer]] = field(default_factory=dict)

    def query[A](
        self, message: type[Query[A]]
    ) -> Callable[[Callable[[Any, Any], Awaitable[A]]], Callable[[Any, Any], Awaitable[A]]]:
        """Answer a query: `answer(query, reading) -> A`, async and read-only; it may raise a `Refusal`."""

        def register(answer: Callable[[Any, Any], Awaitable[A]]) -> Callable[[Any, Any], Awaitable[A]]:
            name = message.wire_name
            assert name not in self.table, f"{name} has a handler already"
            assert message.domain == self.domain, f"{name} is not {self.domain}'s to answer"
            self.table[name] = (message, answer)
            return answer

        return register
