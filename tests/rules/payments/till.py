"""A payments domain in memory: its handlers on a world that is never saved."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from contracts import ids
from contracts.cards import CardSpendView
from contracts.envelope import Caller, Envelope
from contracts.merchants import FeeTerms, MerchantTerms
from contracts.message import Asked, Event
from contracts.payments import CompletePayment, PaymentCard, RequestPayment
from workers.payments import tables  # noqa: F401 - the entities are told where they are stored
from workers.payments.handlers import handlers
from workers.payments.rules import Payment
from workers.runtime.needs import Matching, Need, rows
from workers.runtime.tables import Timer
from workers.runtime.unit_of_work import UnitOfWork, World

START = datetime(2026, 11, 1, tzinfo=UTC)
SHOP, OWNER, CUSTOMER = "mer_shop", "usr_owner", "usr_customer"


class Till:
    """`do` handles a message as a worker would: all of it counts, or with a refusal none of it."""

    def __init__(self) -> None:
        self.world = World(START)
        self._numbers = count()
        self.said: list[Event] = []

    def do[A](self, message: Asked[A], by: str = SHOP, *, oversees: bool = False) -> A:
        """Handle a message of its own operation. Raises what the handler refuses with."""
        operation = ids.derived("op", str(next(self._numbers)))
        handler, caller = handlers.table[message.wire_name], Caller(by, oversees=oversees)
        self._load(handler.needs(message) if handler.needs else [])
        self._load(handler.needs_more(message, caller, None) if handler.needs_more else [])
        key = f"{operation}:step" if getattr(message, "internal", False) else operation
        uow = UnitOfWork(self.world, Envelope(key, message.wire_name, message, operation, caller=caller))
        answer: A = handler.decide(message, uow)
        uow.merge()
        self.said += [sent.message for sent in uow.outputs]
        return answer

    def heard[E: Event](self, kind: type[E]) -> E:
        """The last event of a kind."""
        return next(one for one in reversed(self.said) if isinstance(one, kind))

    def pass_time(self, time: timedelta) -> None:
        """Later."""
        self.world.now += time

    def state(self) -> tuple[Any, ...]:
        """Everything that there is, and how much was said."""
        rows = [one for found in self.world.entities.values() for one in found.values() if one]
        return rows, [timer.id for timer in self.timers], len(self.said)

    def payment(self, key: str) -> Payment:
        """A payment as it is now."""
        found: Payment = self.world.entities[Payment][key]
        return found

    @property
    def timers(self) -> list[Timer]:
        """What will be sent later."""
        return list(self.world.inserted.get(Timer, {}).values())

    def due(self) -> list[Timer]:
        """The timers that are due, and are no more."""
        due = [timer for timer in self.timers if timer.due_at <= self.world.now]
        for timer in due:
            del self.world.inserted[Timer][timer.id]
        return due

    def request(self, amount: int = 1_000, **fields: Any) -> str:
        """Ask for a payment, whose saga then holds or settles."""
        card = fields.pop("card", PaymentCard(id="crd_1"))
        fields = {"card": card, "amount": amount, "currency": "IDR"} | fields
        return self.do(RequestPayment.model_validate(fields)).id

    def paid(self, amount: int = 1_000, *, fixed: int = 0, basis_points: int = 0, **fields: Any) -> str:
        """The same, and the saga's last word: authorised or captured."""
        key = self.request(amount, **fields)
        self.complete(key, self.fee(fixed=fixed, basis_points=basis_points))
        return key

    def complete(self, key: str, fee: FeeTerms | None = None) -> None:
        """What the saga says in the end."""
        payment, fee = self.payment(key), fee or self.fee()
        charged = 0 if payment.capture == "manual" else fee.on(payment.amount)
        self.do(CompletePayment(payment_id=key, merchant=terms(fee), card=CARD, fee=charged))

    @staticmethod
    def fee(*, fixed: int = 0, basis_points: int = 0) -> FeeTerms:
        """What the shop pays."""
        return FeeTerms(fixed=fixed, basis_points=basis_points)

    @staticmethod
    def caller(who: str, oversees: bool = False) -> Caller:  # noqa: FBT001, FBT002
        """Somebody who looks."""
        return Caller(who, oversees=oversees)

    def _load(self, needs: Iterable[Need]) -> None:
        for need in needs:
            if isinstance(need, Matching):
                index = self.world.indexes.setdefault((need.entity, need.columns), {})
                found = self.world.entities[need.entity].values()
                index[need.values] = {
                    one.id for one in found if one and tuple(getattr(one, name) for name in need.columns) == need.values
                }
                continue
            for missing in self.world.missing([rows(need.entity, *need.keys)]):
                assert not isinstance(missing, Matching)
                for key in missing.keys:
                    self.world.remember(missing.entity, key, None)


def terms(fee: FeeTerms) -> MerchantTerms:
    """The shop."""
    return MerchantTerms(
        merchant_id=SHOP,
        name="Shop",
        owner=OWNER,
        currency="IDR",
        settlement_wallet_id="wal_shop",
        fee_fixed=fee.fixed,
        fee_basis_points=fee.basis_points,
    )


CARD = CardSpendView(card_id="crd_1", wallet_id="wal_customer", owner=CUSTOMER, brand="visa", last4="4242")
