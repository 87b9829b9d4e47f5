"""A worker's delivery on a real database, with a broker that only writes down: deterministic, and fast."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

from pydantic import SecretStr

from contracts import ids, topology
from contracts.bus import Bus, NotSent
from contracts.envelope import Caller, Envelope, encode, unpack
from contracts.message import Command, Message
from contracts.operations import Reply
from tests.runtime.probe import DOMAINS, WHOLE
from workers.runtime.arrivals import Reader
from workers.runtime.database import Database
from workers.runtime.delivery import Committed, Delivery
from workers.runtime.failures import Failures
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Teller
from workers.runtime.reveals import Reveals
from workers.runtime.roster import Roster
from workers.runtime.sealing import Sealer
from workers.runtime.settings import SealingKey
from workers.runtime.upkeep import Upkeep
from workers.runtime.work import Work

HERE = "gateway.test.replies"
KEY = SealingKey(id="test", key=SecretStr("A" * 43))
GATEWAY, WORKERS = "gateway", "workers"


class Post(NamedTuple):
    """One message that was published."""

    exchange: str
    key: str
    envelope: Envelope
    delay_seconds: float | None


class Recorder:
    """A bus that writes down what is published, or is away."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.letters: list[bytes] = []
        self.bundles: list[int] = []
        self.replies: list[Envelope] = []
        self.away: Exception | None = None
        self.deaf: dict[str, Exception] = {}

    async def publish(
        self, exchange: str, key: str, body: bytes, *, durable: bool = True, delay_seconds: float | None = None
    ) -> None:
        """Write the messages down."""
        assert durable
        if self.away is not None:
            raise self.away
        if key in self.deaf:
            raise self.deaf[key]
        if key.endswith(".dead"):
            self.letters.append(body)
            return
        envelopes = unpack(body)
        self.bundles.append(len(envelopes))
        self.posts += [Post(exchange, key, envelope, delay_seconds) for envelope in envelopes]

    async def reply(self, _queue: str, body: bytes) -> None:
        """Likewise."""
        if self.away is None:
            self.replies += unpack(body)

    def take(self) -> list[Post]:
        """What was published since the last time."""
        taken, self.posts = self.posts, []
        return taken


class Desk:
    """One worker process hosting these domains."""

    def __init__(self, url: str, *domains: str, **settings: Any) -> None:
        self.domains = domains or ("bank", "shop")
        self.database = Database(url, name="desk")
        self.bus = Recorder()
        bus = cast("Bus", self.bus)
        self.teller = Teller(bus)
        roster = Roster.of([DOMAINS[name] for name in self.domains], WHOLE)
        orchestrator = Orchestrator(roster, resend_seconds=settings.get("resend_seconds", 30))
        failures = Failures(bus, max_attempts=settings.get("max_attempts", 3), retry_delay_seconds=5)
        self.delivery = Delivery(
            self.database, roster, orchestrator, self.teller, failures, Reveals(Sealer([KEY]), bytes(32), seconds=600)
        )
        self.reader = Reader(roster, orchestrator, failures, self.teller, gateway_user=GATEWAY, own_user=WORKERS)
        self.upkeep = Upkeep(self.database, bus, self.teller)

    async def close(self) -> None:
        """Disconnect."""
        await self.database.close()

    def work(self, envelope: Envelope, queue: str | None = None) -> Work:
        """The work that an envelope is, after a journey through JSON."""
        [arrived] = unpack(b"[" + encode(envelope) + b"]")
        queue = queue or queue_of(envelope.type)
        first = envelope.operation == envelope.id and envelope.attempt == 1
        return self.reader.work(arrived, queue, GATEWAY if first or queue.endswith(".calls") else WORKERS)

    async def decide(self, *envelopes: Envelope, queue: str | None = None) -> list[Committed]:
        """Handle one batch, but don't tell yet."""
        return await self.delivery.deliver([self.work(envelope, queue) for envelope in envelopes])

    async def deliver(self, *envelopes: Envelope, queue: str | None = None) -> dict[str, Reply]:
        """Handle one batch and tell: what was answered, by message and, where they differ, by request."""
        self.bus.replies.clear()
        for committed in await self.decide(*envelopes, queue=queue):
            await self.delivery.tell(committed)
        return self.answers()

    async def do(self, message: Message, **options: Any) -> Reply:
        """Handle one message and tell."""
        envelope = said(message, **options)
        return (await self.deliver(envelope))[envelope.id]

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[list[str]]:
        """The statements that the batch loop's connection is sent meanwhile."""
        seen: list[str] = []

        def note(query: Any) -> None:
            seen.append(query.query)

        connection: Any
        async with self.database.opening() as (connection, begun):
            await begun
            connection.add_query_logger(note)
        # The driver tells a little later.
        await asyncio.sleep(0)
        seen.clear()
        yield seen
        await asyncio.sleep(0)
        connection.remove_query_logger(note)

    def answers(self) -> dict[str, Reply]:
        """The answers of the last batch, by the id of what was asked and by its request."""
        found: dict[str, Reply] = defaultdict(lambda: Reply(status="unknown"))
        for envelope in self.bus.replies:
            found[envelope.cause or ""] = found[envelope.request or ""] = Reply.model_validate(envelope.body)
        return found


class Outage(NotSent):
    """A broker that is away on purpose."""


def said(message: Message, **options: Any) -> Envelope:
    """What a gateway would send."""
    name = options.pop("id", None) or ids.new("op")
    envelope = Envelope(
        name,
        message.wire_name,
        message,
        operation=name if isinstance(message, Command) else None,
        request=ids.new("req"),
        fingerprint=ids.text(ids.digest(message.model_dump_json())),
        reply_to=HERE,
        caller=Caller("usr_test"),
    )
    return envelope._replace(**options)


def queue_of(wire_name: str) -> str:
    """Where a message goes that is for one domain."""
    return topology.commands(wire_name.partition(".")[0])
