"""Placing, capturing and releasing holds."""

from typing import Any

import pytest

from contracts.ledger import (
    CloseWallet,
    CurrencyMismatch,
    FreezeWallet,
    HoldCaptured,
    HoldExceeded,
    HoldReleased,
    InsufficientFunds,
    Leg,
    ReleaseHold,
    SelfTransfer,
    SettleHold,
    UnfreezeWallet,
    WalletClosed,
    WalletFrozen,
)
from contracts.message import NotFound, Refusal
from tests.rules.ledger.books import Books
from workers.ledger import chart
from workers.ledger.holds import Hold


@pytest.fixture
def ann(books: Books) -> str:
    """A wallet with 100 in it."""
    return books.wallet("usr_ann", funds=100)


@pytest.fixture
def bob(books: Books) -> str:
    """Somebody else's, empty."""
    return books.wallet("usr_bob")


def balances(books: Books, key: str) -> tuple[int, int, int]:
    account = books.account(key)
    return account.posted, account.held, account.available


def test_a_hold_sets_money_aside(books: Books, ann: str, bob: str) -> None:
    view = books.hold("hld_1", ann, bob, 60)
    assert (view.amount, view.remaining, view.status, view.recipient) == (60, 60, "open", "usr_bob")
    assert balances(books, ann) == (100, 60, 40)
    assert balances(books, bob) == (0, 0, 0)


def test_all_that_is_available_can_be_held_and_no_more(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    with pytest.raises(InsufficientFunds):
        books.hold("hld_2", ann, bob, 41)
    books.hold("hld_3", ann, bob, 40)
    assert balances(books, ann) == (100, 100, 0)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"owner": "usr_bob"}, NotFound),
        ({"account_id": "wal_none"}, NotFound),
        ({"to": "wal_none"}, NotFound),
        ({"to": "sys_clearing_idr_00"}, NotFound),
        ({"account_id": "sys_clearing_idr_00", "owner": chart.SYSTEM}, NotFound),
        ({"currency": "USD"}, CurrencyMismatch),
        ({"amount": 101}, InsufficientFunds),
    ],
)
def test_a_wrong_hold_is_refused_and_changes_nothing(
    books: Books, ann: str, bob: str, wrong: dict[str, Any], refusal: type[Refusal]
) -> None:
    before = balances(books, ann)
    fields: dict[str, Any] = {"source": ann, "to": bob, "amount": 60}
    with pytest.raises(refusal):
        books.hold("hld_1", **(fields | wrong))
    assert balances(books, ann) == before
    assert not books.all(Hold)


def test_a_wallet_does_not_pay_itself(books: Books, ann: str) -> None:
    with pytest.raises(SelfTransfer):
        books.hold("hld_1", ann, ann, 60)


def test_a_destination_in_another_currency_is_refused(books: Books, ann: str) -> None:
    dollars = books.wallet("usr_bob", "USD")
    with pytest.raises(CurrencyMismatch):
        books.hold("hld_1", ann, dollars, 60)


@pytest.mark.parametrize("frozen", ["usr_ann", "usr_bob"])
def test_nothing_leaves_a_frozen_wallet_nor_is_sent_to_it(books: Books, ann: str, bob: str, frozen: str) -> None:
    books.do(FreezeWallet(wallet_id={"usr_ann": ann, "usr_bob": bob}[frozen]), frozen)
    with pytest.raises(WalletFrozen):
        books.hold("hld_1", ann, bob, 60)


def test_nothing_is_sent_to_a_closed_wallet_nor_leaves_it(books: Books, ann: str, bob: str) -> None:
    books.do(CloseWallet(wallet_id=bob), "usr_bob")
    with pytest.raises(WalletClosed):
        books.hold("hld_1", ann, bob, 60)
    with pytest.raises(WalletClosed):
        books.hold("hld_2", bob, ann, 1)


def test_a_wallet_with_money_on_hold_is_not_closed(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 100)
    books.settle("hld_1", ann, (bob, 99), final=False)
    with pytest.raises(Refusal, match="still holds money"):
        books.do(CloseWallet(wallet_id=ann))


def test_settling_moves_the_money(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    view = books.settle("hld_1", ann, (bob, 60))
    assert (view.remaining, view.status, view.recipient) == (0, "captured", "usr_bob")
    assert balances(books, ann) == (40, 0, 40)
    assert balances(books, bob) == (60, 0, 60)
    *_, last = books.movements()
    assert (last.debit_account, last.credit_account, last.amount, last.hold_id) == (ann, bob, 60, "hld_1")
    assert (last.debit_seq, last.credit_seq) == (2, 1)
    assert (last.debit_balance_after, last.credit_balance_after) == (40, 60)


def test_a_leg_goes_to_a_role_of_the_chart_by_its_name(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    legs = [Leg(to=bob, amount=50, kind="payment"), Leg(to="fees", amount=7, kind="fee")]
    books.do(SettleHold(hold_id="hld_1", account_id=ann, legs=legs, currency="IDR"))
    assert balances(books, bob) == (50, 0, 50)
    assert balances(books, chart.account_id("fees", "IDR")) == (7, 0, 7)
    assert balances(books, ann) == (43, 0, 43)


def test_a_hold_for_the_system_goes_to_nobodys_wallet(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, None, 60)
    with pytest.raises(NotFound):
        books.settle("hld_1", ann, (bob, 60))
    legs = [Leg(to="suspense", amount=40, kind="withdrawal"), Leg(to="suspense", amount=15, kind="fee")]
    view = books.do(SettleHold(hold_id="hld_1", account_id=ann, legs=legs, currency="IDR"))
    assert (view.status, view.recipient) == ("captured", None)
    assert balances(books, chart.account_id("suspense", "IDR")) == (55, 0, 55)


@pytest.mark.parametrize("role", chart.ROLES)
def test_nobody_sends_money_to_a_role_by_naming_it(books: Books, ann: str, role: str) -> None:
    with pytest.raises(NotFound):
        books.hold("hld_1", ann, role, 60)
    assert balances(books, ann) == (100, 0, 100)


def test_a_final_capture_gives_the_rest_back(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    books.settle("hld_1", ann, (bob, 10))
    assert balances(books, ann) == (90, 0, 90)


def test_a_hold_is_captured_in_parts(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    first = books.settle("hld_1", ann, (bob, 20), (bob, 5), final=False)
    assert (first.status, first.remaining) == ("open", 35)
    assert balances(books, ann) == (75, 35, 40)
    with pytest.raises(HoldExceeded):
        books.settle("hld_1", ann, (bob, 36), final=False)
    last = books.settle("hld_1", ann, (bob, 35), final=False)
    assert (last.status, last.remaining) == ("captured", 0)
    assert balances(books, bob) == (60, 0, 60)
    assert len({movement.id for movement in books.movements()}) == len(books.movements()) == 4


def test_a_leg_goes_where_the_hold_says_or_to_the_system(books: Books, ann: str, bob: str) -> None:
    carol = books.wallet("usr_carol")
    books.hold("hld_1", ann, bob, 60)
    with pytest.raises(NotFound):
        books.settle("hld_1", ann, (carol, 60))
    with pytest.raises(NotFound):
        books.settle("hld_1", ann, (bob, 50), (carol, 10))
    assert balances(books, ann) == (100, 60, 40)
    suspense = chart.account_id("suspense", "IDR")
    books.credit("wal_none", 1)
    books.settle("hld_1", ann, (bob, 50), (suspense, 10))
    assert balances(books, bob)[0] == 50


def test_a_hold_is_only_known_at_its_account(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    with pytest.raises(NotFound):
        books.settle("hld_1", bob, (ann, 60))
    with pytest.raises(NotFound):
        books.do(ReleaseHold(hold_id="hld_1", account_id=bob))
    with pytest.raises(NotFound):
        books.settle("hld_none", ann, (bob, 60))


def test_what_was_held_settles_though_its_source_was_frozen(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    books.do(FreezeWallet(wallet_id=ann))
    assert books.settle("hld_1", ann, (bob, 60)).status == "captured"


def test_a_destination_is_checked_again_when_the_money_comes(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    books.do(FreezeWallet(wallet_id=bob), "usr_bob")
    with pytest.raises(WalletFrozen):
        books.settle("hld_1", ann, (bob, 60))
    books.do(UnfreezeWallet(wallet_id=bob), "usr_bob")
    books.do(CloseWallet(wallet_id=bob), "usr_bob")
    with pytest.raises(WalletClosed):
        books.settle("hld_1", ann, (bob, 60))
    assert balances(books, ann) == (100, 60, 40)


def test_a_release_gives_the_money_back_however_often_it_comes(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    for _ in range(2):
        assert books.do(ReleaseHold(hold_id="hld_1", account_id=ann)).status == "released"
        assert balances(books, ann) == (100, 0, 100)


def test_a_released_hold_is_not_captured(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    books.do(ReleaseHold(hold_id="hld_1", account_id=ann))
    with pytest.raises(HoldReleased):
        books.settle("hld_1", ann, (bob, 60))


def test_a_captured_hold_is_neither_captured_again_nor_released(books: Books, ann: str, bob: str) -> None:
    books.hold("hld_1", ann, bob, 60)
    books.settle("hld_1", ann, (bob, 10))
    with pytest.raises(HoldCaptured):
        books.settle("hld_1", ann, (bob, 10))
    with pytest.raises(HoldCaptured):
        books.do(ReleaseHold(hold_id="hld_1", account_id=ann))
    assert balances(books, bob)[0] == 10


@pytest.mark.parametrize("account", ["ann", "wal_none"])
def test_a_release_before_its_hold_makes_the_hold_refused(books: Books, ann: str, bob: str, account: str) -> None:
    key = ann if account == "ann" else account
    stone = books.do(ReleaseHold(hold_id="hld_1", account_id=key))
    assert (stone.status, stone.amount, stone.remaining) == ("released", 0, 0)
    assert books.do(ReleaseHold(hold_id="hld_1", account_id=key)) == stone
    with pytest.raises(HoldReleased):
        books.hold("hld_1", ann, bob, 60)
    with pytest.raises(HoldReleased if key == ann else NotFound):
        books.settle("hld_1", ann, (bob, 60))
    assert balances(books, ann) == (100, 0, 100)
