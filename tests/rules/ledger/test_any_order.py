"""Whatever is done in whatever order, the ledger agrees with a model that a child could keep."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from contracts.ledger import CloseWallet, FreezeWallet, ReleaseHold, UnfreezeWallet
from contracts.message import Refusal
from tests.rules.ledger.books import Books
from workers.ledger import chart
from workers.ledger.accounts import Account
from workers.ledger.holds import Hold

amounts = st.integers(1, 60)


@dataclass
class Purse:
    """The model of a wallet."""

    owner: str
    currency: str
    money: int = 0
    status: str = "active"


@dataclass
class Promise:
    """The model of a hold."""

    source: str
    to: str
    left: int
    ended: bool = False


class AnyOrder(RuleBasedStateMachine):
    """Each rule does a thing to the ledger and to the model, and expects the same "yes" or "no" of both."""

    wallets: Bundle[str] = Bundle("wallets")
    holds: Bundle[str] = Bundle("holds")
    unplaced: Bundle[str] = Bundle("unplaced")

    def __init__(self) -> None:
        super().__init__()
        chart.use_stripe(0)
        self.books = Books()
        self.purses: dict[str, Purse] = {}
        self.promises: dict[str, Promise] = {}
        self.arrived: Counter[str] = Counter()
        self.numbers = iter(range(10**9))

    @initialize(target=wallets, amount=st.integers(60, 200))
    def some_wallets(self, amount: int) -> MultipleResults[str]:
        keys = [self.opened("usr_ann", "IDR"), self.opened("usr_bob", "IDR"), self.opened("usr_bob", "USD")]
        for key in keys:
            self.credited(key, amount)
        return multiple(*keys)

    @rule(target=wallets, owner=st.sampled_from(["usr_ann", "usr_bob"]), currency=st.sampled_from(["IDR", "USD"]))
    def open(self, owner: str, currency: str) -> str:
        return self.opened(owner, currency)

    @rule(key=wallets, amount=amounts)
    def credit(self, key: str, amount: int) -> None:
        self.credited(key, amount)

    @rule(target=holds, source=wallets, to=wallets, amount=amounts)
    def place(self, source: str, to: str, amount: int) -> MultipleResults[str]:
        key = f"hld_{next(self.numbers)}"
        placed = self.done(lambda: self.books.hold(key, source, to, amount))
        one, other = self.purses[source], self.purses[to]
        fine = source != to and one.currency == other.currency and one.status == other.status == "active"
        assert placed == (fine and amount <= one.money - self.held(source))
        if not placed:
            return multiple()
        self.promises[key] = Promise(source, to, amount)
        return multiple(key)

    @rule(key=consumes(unplaced), source=wallets, to=wallets, amount=amounts)
    def place_what_was_released_before(self, key: str, source: str, to: str, amount: int) -> None:
        assert not self.done(lambda: self.books.hold(key, source, to, amount))

    @rule(key=holds, amount=amounts, final=st.booleans())
    def settle(self, key: str, amount: int, final: bool) -> None:  # noqa: FBT001
        promise = self.promises[key]
        fits = not promise.ended and amount <= promise.left and self.purses[promise.to].status == "active"
        settled = self.done(lambda: self.books.settle(key, promise.source, (promise.to, amount), final=final))
        assert settled == fits
        if settled:
            self.purses[promise.source].money -= amount
            self.purses[promise.to].money += amount
            promise.left = 0 if final else promise.left - amount
            promise.ended = promise.left == 0

    @rule(key=holds)
    def release(self, key: str) -> None:
        promise = self.promises[key]
        captured = self.books.world.entities[Hold][key].status == "captured"
        release = ReleaseHold(hold_id=key, account_id=promise.source)
        assert self.done(lambda: self.books.do(release)) != captured
        if not captured:
            promise.left, promise.ended = 0, True

    @rule(target=unplaced, source=wallets)
    def release_before_the_hold(self, source: str) -> str:
        key = f"hld_{next(self.numbers)}"
        self.books.do(ReleaseHold(hold_id=key, account_id=source))
        return key

    @rule(key=wallets)
    def freeze(self, key: str) -> None:
        purse = self.purses[key]
        frozen = self.done(lambda: self.books.do(FreezeWallet(wallet_id=key), purse.owner))
        assert frozen == (purse.status != "closed")
        purse.status = "frozen" if frozen else purse.status

    @rule(key=wallets)
    def unfreeze(self, key: str) -> None:
        purse = self.purses[key]
        active = self.done(lambda: self.books.do(UnfreezeWallet(wallet_id=key), purse.owner))
        assert active == (purse.status != "closed")
        purse.status = "active" if active else purse.status

    @rule(key=wallets)
    def close(self, key: str) -> None:
        purse = self.purses[key]
        closed = self.done(lambda: self.books.do(CloseWallet(wallet_id=key), purse.owner))
        assert closed == (purse.money == 0 and self.held(key) == 0)
        purse.status = "closed" if closed else purse.status

    @invariant()
    def every_balance_is_the_models(self) -> None:
        for key, purse in self.purses.items():
            account = self.books.account(key)
            assert (account.posted, account.held, account.status) == (purse.money, self.held(key), purse.status)
            assert account.available >= 0

    @invariant()
    def money_is_neither_made_nor_lost(self) -> None:
        for currency in ("IDR", "USD"):
            accounts = [one for one in self.books.all(Account) if one.currency == currency]
            assert sum(one.posted for one in accounts) == 0
            assert sum(one.posted for one in accounts if one.role != "clearing") == self.arrived[currency]

    @invariant()
    def every_statement_is_a_chain(self) -> None:
        ends: dict[str, tuple[int, int]] = {}
        for one in self.books.movements():
            sides = (
                (one.debit_account, -one.amount, one.debit_seq, one.debit_balance_after),
                (one.credit_account, one.amount, one.credit_seq, one.credit_balance_after),
            )
            for account, change, sequence, after in sides:
                count, balance = ends.get(account, (0, 0))
                assert (sequence, after) == (count + 1, balance + change)
                ends[account] = sequence, after
        for each in self.books.all(Account):
            assert ends.get(each.id, (0, 0)) == (each.sequence, each.posted)

    def opened(self, owner: str, currency: str) -> str:
        key = self.books.wallet(owner, currency)
        self.purses[key] = Purse(owner, currency)
        return key

    def credited(self, key: str, amount: int) -> None:
        purse = self.purses[key]
        self.books.credit(key, amount, purse.currency)
        self.arrived[purse.currency] += amount
        if purse.status != "closed":
            purse.money += amount

    def held(self, key: str) -> int:
        return sum(promise.left for promise in self.promises.values() if promise.source == key)

    @staticmethod
    def done(what: Callable[[], object]) -> bool:
        try:
            what()
        except Refusal:
            return False
        return True


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
