"""A worker's delivery without a broker: messages in, one real transaction, answers out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import SecretStr

from contracts import ids, topology
from contracts.envelope import Caller, Envelope
from contracts.ledger import CreditWallet, OpenWallet
from contracts.message import Asked, Query
from workers import roles
from workers.runtime.database import Database
from workers.runtime.delivery import Delivery
from workers.runtime.failures import Failures
from workers.runtime.orchestrator import Orchestrator
from workers.runtime.outbox import Teller
from workers.runtime.reading import Reading
from workers.runtime.reveals import Reveals
from workers.runtime.roster import Roster
from workers.runtime.sealing import Sealer
from workers.runtime.settings import SealingKey
from workers.runtime.work import Told, Work

HERE = "gateway.test.replies"
KEY = SealingKey(id="test", key=SecretStr("A" * 43))


class NoBus:
    """Nothing of these tests leaves through the broker: not even a failure."""

    async def publish(self, exchange: str, key: str, body: bytes, **_: Any) -> None:
        raise AssertionError(f"published to {exchange} {key}: {body.decode()[:500]}")


class Desk:
    """One of possibly several workers on one database, hosting the ledger and transfers."""

    def __init__(self, url: str, domains: Sequence[str] = ("ledger", "transfers")) -> None:
        self.database = Database(url, name="desk")
        self.roster = Roster.of(roles.chosen(list(domains)))
        orchestrator = Orchestrator(self.roster, resend_seconds=30)
        bus = cast("Any", NoBus())
        failures = Failures(bus, max_attempts=1, retry_delay_seconds=1)
        self._delivery = Delivery(
            self.database,
            self.roster,
            orchestrator,
            Teller(bus),
            failures,
            Reveals(Sealer([KEY]), bytes(32), seconds=600),
        )

    async def close(self) -> None:
        """Disconnect."""
        await self.database.close()

    async def deliver(self, *envelopes: Envelope) -> dict[str, Told]:
        """Handle one batch; what each message was answered, by its id."""
        works = [self._work(envelope) for envelope in envelopes]
        done = await self._delivery.deliver(works)
        answers = [answer for one in done for answer in one.outgoing.replies.values()]
        return {answer.cause or "": cast("Told", answer.body) for answer in answers}

    async def do[A](self, message: Asked[A], by: str = "usr_ann", *, oversees: bool = False) -> A:
        """Handle one message and expect no refusal."""
        envelope = sent(message, by, oversees=oversees)
        told = (await self.deliver(envelope))[envelope.id]
        assert told.problem is None, told.problem
        return cast("A", told.result)

    async def refused(self, message: Asked[Any], by: str = "usr_ann") -> str:
        """Handle one message and expect a refusal: its code."""
        envelope = sent(message, by)
        told = (await self.deliver(envelope))[envelope.id]
        assert told.problem is not None, told.result
        return told.problem.code

    async def ask[A](self, question: Query[A], by: str = "usr_ann", *, oversees: bool = False) -> A:
        """Answer a question. Raises what it is refused with."""
        _, answer = self.roster.queries[question.wire_name]
        async with self.database.reading() as connection:
            reading = Reading(connection, Caller(by, oversees=oversees), datetime.now(UTC))
            return cast("A", await answer(question, reading))

    async def wallet(self, owner: str = "usr_ann", currency: str = "IDR", *, funds: int = 0) -> str:
        """A new wallet with money in it."""
        opened = await self.do(OpenWallet.model_validate({"currency": currency}), owner)
        if funds:
            await self.do(credit(opened.id, funds, currency))
        return opened.id

    def _work(self, envelope: Envelope) -> Work:
        handler = self.roster.handlers[envelope.type]
        return Work(envelope, envelope.body, handler, topology.commands(handler.message.domain))


def sent(message: Asked[Any], by: str = "usr_ann", *, oversees: bool = False) -> Envelope:
    """A message on its way, of an operation of its own."""
    operation = ids.derived("op", ids.new("tst"))
    root = not getattr(message, "internal", False)
    return Envelope(
        id=operation if root else f"{operation}:step",
        type=message.wire_name,
        body=message,
        operation=operation,
        request=ids.new("req"),
        fingerprint="same",
        reply_to=HERE,
        caller=Caller(by, oversees=oversees),
    )


def credit(key: str, amount: int, currency: str = "IDR") -> CreditWallet:
    """Money that arrives from a provider."""
    fields = {"account_id": key, "amount": amount, "currency": currency, "kind": "top_up"}
    return CreditWallet.model_validate(fields)
