"""A broker made of nothing: carries what desks publish to whoever hosts it, in order or as chance will have it."""

from random import Random

from contracts.envelope import Envelope
from contracts.operations import Reply
from tests.runtime.desk import Desk, Post, queue_of
from tests.runtime.probe import SUBSCRIPTIONS

TURNS_MAX = 2000


class Network:
    """Desks, each hosting domains of its own."""

    def __init__(self, *desks: Desk) -> None:
        self._desks = desks
        self.log: list[str] = []

    async def ask(self, envelope: Envelope) -> Reply:
        """Send a command, carry everything that follows, and tell the last answer to it."""
        await self.send(envelope)
        await self.settle()
        replies = [one for desk in self._desks for one in desk.bus.replies if one.cause == envelope.id]
        finals = [Reply.model_validate(one.body) for one in replies]
        return next(reply for reply in reversed(finals) if reply.status != "pending")

    async def send(self, *envelopes: Envelope) -> None:
        """Hand over one batch."""
        domain = queue_of(envelopes[0].type).partition(".")[0]
        desk = next(desk for desk in self._desks if domain in desk.domains)
        await desk.deliver(*envelopes)

    async def settle(self) -> None:
        """Carry everything until there is nothing left."""
        for _ in range(TURNS_MAX):
            posts = self.take()
            if not posts:
                return
            for post in posts:
                await self.carry(post)
        raise AssertionError("it never ends")

    async def settle_by_chance(self, chance: Random) -> None:
        """Likewise, in any order, some messages twice, and the sagas' timers at any time."""
        waiting: list[Post] = []
        for _ in range(TURNS_MAX):
            waiting += self.take()
            if chance.random() < 0.15:
                await self.wake()
                continue
            if not waiting:
                return
            post = waiting.pop(chance.randrange(len(waiting)))
            await self.carry(post)
            if chance.random() < 0.2:
                waiting.append(post)
        raise AssertionError("it never ends")

    async def wake(self) -> None:
        """All timers are due."""
        async with self._desks[0].database.transaction() as connection:
            await connection.execute("UPDATE runtime.timers SET due_at = now()")
        await self._desks[0].upkeep.fire_timers()

    def take(self) -> list[Post]:
        """What was published and not carried yet."""
        return [post for desk in self._desks for post in desk.bus.take()]

    async def carry(self, post: Post) -> None:
        """To the queue of a domain, or to every domain that hears an event."""
        self.log.append(post.envelope.type)
        if post.exchange != "saldo.events":
            await self._hand(post.key, post.envelope)
            return
        for domain, heard in SUBSCRIPTIONS.items():
            if post.key in heard:
                await self._hand(f"{domain}.events", post.envelope)

    async def _hand(self, queue: str, *envelopes: Envelope) -> None:
        for desk in self._desks:
            if queue.partition(".")[0] in desk.domains:
                kept = list(desk.bus.replies)
                await desk.deliver(*envelopes, queue=queue)
                desk.bus.replies[:0] = kept
                return
