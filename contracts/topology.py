"""The broker's exchanges and queues, as code: declared whole by every process that publishes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DOMAINS = (
    "identity",
    "ledger",
    "topups",
    "transfers",
    "cards",
    "merchants",
    "payments",
    "reconciliation",
    "withdrawals",
    "callbacks",
    "operations",
)

COMMANDS = "saldo.commands"
EVENTS = "saldo.events"
DELAY = "saldo.delay"

TRANSIENT_TTL_SECONDS = 30
"""How long a call or query may wait in its queue: nobody listens for its answer any longer."""

SUBSCRIPTIONS: dict[str, tuple[str, ...]] = {
    "cards": ("identity.UserArchived.v1", "identity.UserRestored.v1", "identity.UserPurged.v1"),
    "merchants": ("identity.UserArchived.v1", "identity.UserRestored.v1", "identity.UserPurged.v1"),
    "reconciliation": (
        "topups.TopUpSucceeded.v1",
        "topups.TopUpReversed.v1",
        "withdrawals.WithdrawalPaid.v1",
        "withdrawals.WithdrawalFailed.v1",
    ),
    "topups": ("callbacks.ChargeReported.v1",),
    "withdrawals": ("callbacks.PayoutReported.v1",),
}
"""Which domain hears which events of other domains, by wire name. An event that nobody hears is not published."""

WATCHED: tuple[str, ...] = (
    "identity.RoleChanged.v1",
    "identity.SessionsRevoked.v1",
    "identity.UserAccessChanged.v1",
    "merchants.ApiKeyChanged.v1",
    "merchants.MerchantChanged.v1",
)
"""Events that every gateway hears on its reply queue, by wire name. One that is away asks when it is back."""


@dataclass(frozen=True)
class Queue:
    """A queue and the (exchange, routing key) pairs that lead to it."""

    name: str
    bindings: tuple[tuple[str, str], ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


# The broker's own limit would kill innocent bundle-mates. RabbitMQ 4 has one of 20 unless told otherwise and takes -1
# for none; RabbitMQ 3 takes -1 at its word and drops a message that comes back once. So: more than will ever be.
QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}


def commands(domain: str) -> str:
    """The durable queue of a domain's commands and of the answers to its sagas."""
    return f"{domain}.commands"


def slow(domain: str) -> str:
    """The durable queue of a domain's commands that need slow preparation."""
    return f"{domain}.slow"


def events(domain: str) -> str:
    """The durable queue of the events that a domain hears."""
    return f"{domain}.events"


def calls(domain: str) -> str:
    """The transient queue of a domain's calls."""
    return f"{domain}.calls"


def queries(domain: str) -> str:
    """The transient queue of a domain's queries."""
    return f"{domain}.queries"


def delay(domain: str) -> str:
    """Where a domain's messages wait for their next attempt; each goes back to the queue it came from."""
    return f"{domain}.delay"


def dead(domain: str) -> str:
    """Where a domain's messages go that failed for good, until they are drained into its table."""
    return f"{domain}.dead"


def replies(gateway: str) -> str:
    """The exclusive reply queue of a gateway instance."""
    return f"gateway.{gateway}.replies"


@dataclass(frozen=True)
class Topology:
    """Which domains there are, and which of them hears which events of others."""

    domains: tuple[str, ...] = DOMAINS
    subscriptions: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: SUBSCRIPTIONS)
    watched: tuple[str, ...] = WATCHED

    def queues(self) -> list[Queue]:
        """Every durable or transient queue of these domains."""
        return [queue for domain in self.domains for queue in _of(domain, self.subscriptions.get(domain, ()))]

    def heard(self) -> frozenset[str]:
        """The events that anybody hears, by wire name."""
        return self.subscribed() | frozenset(self.watched)

    def subscribed(self) -> frozenset[str]:
        """The events that a domain hears: there is always a queue for them."""
        return frozenset(event for events in self.subscriptions.values() for event in events)


def _of(domain: str, heard: tuple[str, ...]) -> list[Queue]:
    transient = {"x-message-ttl": TRANSIENT_TTL_SECONDS * 1000}
    durable = (commands(domain), slow(domain), events(domain))
    return [
        Queue(durable[0], ((COMMANDS, durable[0]),), QUORUM),
        Queue(durable[1], ((COMMANDS, durable[1]),), QUORUM),
        Queue(durable[2], ((COMMANDS, durable[2]), *((EVENTS, event) for event in heard)), QUORUM),
        Queue(calls(domain), ((COMMANDS, calls(domain)),), transient),
        Queue(queries(domain), ((COMMANDS, queries(domain)),), transient),
        Queue(
            delay(domain),
            tuple((DELAY, name) for name in durable),
            # At-least-once dead-lettering needs reject-publish; without it a full target would drop the message.
            QUORUM
            | {
                "x-dead-letter-exchange": COMMANDS,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        ),
        Queue(dead(domain), ((COMMANDS, dead(domain)),), QUORUM),
    ]


WHOLE = Topology()
"""All of it."""
