"""What a process hosts: the handlers, queries and sagas of its domains, found by wire name."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contracts.message import Command, Event
from contracts.topology import WHOLE, Topology
from workers.runtime.handlers import Answer, Handler, Handlers, Queries
from workers.runtime.saga import Saga


@dataclass(frozen=True)
class Domain:
    """Everything that one domain brings."""

    handlers: Handlers
    queries: Queries | None = None
    sagas: tuple[type[Saga], ...] = ()

    @property
    def name(self) -> str:
        """The domain's name, as in its queues."""
        return self.handlers.domain


@dataclass(frozen=True)
class Roster:
    """The domains that this process hosts."""

    domains: tuple[str, ...]
    heard: frozenset[str] = frozenset()
    handlers: dict[str, Handler] = field(default_factory=dict)
    queries: dict[str, tuple[type[Any], Answer]] = field(default_factory=dict)
    reactions: dict[tuple[str, str], Handler] = field(default_factory=dict)
    sagas: dict[str, type[Saga]] = field(default_factory=dict)
    starters: dict[str, list[type[Saga]]] = field(default_factory=dict)

    @classmethod
    def of(cls, domains: Iterable[Domain], whole: Topology = WHOLE) -> "Roster":
        """The roster of these domains, and the events that anybody hears."""
        hosted = tuple(domains)
        roster = cls(tuple(domain.name for domain in hosted), whole.heard())
        for domain in hosted:
            for name, handler in domain.handlers.table.items():
                if issubclass(handler.message, Event):
                    roster.reactions[domain.name, name] = handler
                else:
                    roster.handlers[name] = handler
            roster.queries.update(domain.queries.table if domain.queries else {})
            for saga in domain.sagas:
                assert saga.starts_on.domain == domain.name, f"{saga.__name__} runs with the domain of its event"
                roster.sagas[saga.__name__] = saga
                roster.starters.setdefault(saga.starts_on.wire_name, []).append(saga)
        return roster

    def handler(self, wire_name: str, queue: str) -> Handler | None:
        """Who handles this message from that queue: several domains may react to the same event."""
        domain, _, kind = queue.partition(".")
        if kind == "events":
            return self.reactions.get((domain, wire_name))
        handler = self.handlers.get(wire_name)
        return handler if handler is not None and handler.message.domain == domain else None

    @cached_property
    def routed(self) -> frozenset[str]:
        """The commands that people send, so that only the gateway may publish them."""
        commands = ((name, handler.message) for name, handler in self.handlers.items())
        return frozenset(name for name, kind in commands if issubclass(kind, Command) and not kind.internal)
