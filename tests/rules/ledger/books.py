"""A ledger in memory: its handlers on a world that is never saved."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from contracts import ids
from contracts.envelope import Caller, Envelope
from contracts.ledger import CreditWallet, HoldView, Leg, OpenWallet, PlaceHold, PostingView, SettleHold
from contracts.message import Asked
from workers.ledger import tables  # noqa: F401 - the entities are told where they are stored
from workers.ledger.accounts import Account
from workers.ledger.handlers import handlers
from workers.ledger.holds import Hold
from workers.ledger.postings import Movement
from workers.runtime.needs import Matching, Need, rows
from workers.runtime.unit_of_work import UnitOfWork, World

START = datetime(2026, 11, 1, tzinfo=UTC)


class Books:
    """`do` handles a message as a worker would: all of it counts, or with a refusal none of it."""

    def __init__(self) -> None:
        self.world = World(START)
        self._numbers = count()

    def do[A](self, message: Asked[A], by: str = "usr_ann", *, oversees: bool = False) -> A:
        """Handle a message of its own operation. Raises what the handler refuses with."""
        number = next(self._numbers)
        self.world.now = START + timedelta(seconds=number)
        operation = ids.derived("op", str(number))
        handler = handlers.table[message.wire_name]
        self._load(handler.needs(message) if handler.needs else [])
        root = not getattr(message, "internal", False)
        key = operation if root else f"{operation}:step"
        caller = Caller(by, oversees=oversees)
        uow = UnitOfWork(self.world, Envelope(key, message.wire_name, message, operation, caller=caller))
        answer: A = handler.decide(message, uow)
        uow.merge()
        return answer

    def account(self, key: str) -> Account:
        """An account as it is now."""
        account: Account = self.world.entities[Account][key]
        return account

    def all[E](self, kind: type[E]) -> list[E]:
        """Everything of a kind, in order of its making."""
        return [entity for entity in self.world.entities.get(kind, {}).values() if entity is not None]

    def wallet(self, owner: str = "usr_ann", currency: str = "IDR", *, funds: int = 0) -> str:
        """A new wallet with money in it."""
        key = self.do(OpenWallet.model_validate({"currency": currency}), owner).id
        if funds:
            self.credit(key, funds, currency)
        return key

    def credit(self, key: str, amount: int, currency: str = "IDR") -> PostingView:
        """Money arrives from a provider."""
        fields = {"account_id": key, "amount": amount, "currency": currency, "kind": "top_up"}
        return self.do(CreditWallet.model_validate(fields))

    def hold(self, key: str, source: str, to: str | None, amount: int, **other: Any) -> HoldView:
        """Place a hold on behalf of the source's owner."""
        account = self.world.entities[Account].get(source)
        known = {"owner": account.owner, "currency": account.currency} if account else {}
        fields = {"hold_id": key, "account_id": source, "to": to, "amount": amount} | known | other
        return self.do(PlaceHold.model_validate(fields))

    def settle(self, key: str, source: str, *legs: tuple[str, int], final: bool = True) -> HoldView:
        """Capture a hold."""
        named = [Leg(to=to, amount=amount, kind="transfer") for to, amount in legs]
        return self.do(SettleHold(hold_id=key, account_id=source, legs=named, final=final))

    def movements(self) -> list[Movement]:
        """The journal."""
        return self.all(Movement)

    def _load(self, needs: Iterable[Need]) -> None:
        self.world.entities.setdefault(Account, {})
        self.world.entities.setdefault(Hold, {})
        for need in needs:
            if isinstance(need, Matching):
                self._index(need)
                continue
            for missing in self.world.missing([rows(need.entity, *need.keys)]):
                assert not isinstance(missing, Matching)
                for key in missing.keys:
                    self.world.remember(missing.entity, key, None)

    def _index(self, need: Matching) -> None:
        index = self.world.indexes.setdefault((need.entity, need.columns), {})
        index[need.values] = {
            entity.id
            for entity in self.all(need.entity)
            if tuple(getattr(entity, column) for column in need.columns) == need.values
        }
