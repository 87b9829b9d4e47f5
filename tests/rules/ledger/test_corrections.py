"""Money that is taken back, owed, or moved between the system's own accounts."""

import pytest

from contracts.ledger import CloseWallet, FreezeWallet, MoveInternally, TakeBack
from contracts.message import NotFound
from tests.rules.ledger.books import Books
from workers.ledger import chart, corrections  # noqa: F401 - its handlers are the ledger's


def _take(books: Books, wallet: str, amount: int) -> tuple[int, int]:
    taken = books.do(TakeBack(account_id=wallet, amount=amount, currency="IDR", kind="top_up_reversal"))
    return taken.taken, taken.receivable


def test_what_is_there_is_taken(books: Books) -> None:
    wallet = books.wallet(funds=100)
    assert _take(books, wallet, 100) == (100, 0)
    assert books.account(wallet).posted == 0
    assert books.account(chart.account_id("clearing", "IDR")).posted == 0


def test_what_is_gone_or_held_is_owed(books: Books) -> None:
    wallet, other = books.wallet(funds=100), books.wallet("usr_bob")
    books.hold("hld_1", wallet, other, 70)
    assert _take(books, wallet, 100) == (30, 70)
    assert _take(books, wallet, 5) == (0, 5)
    owed = books.account(chart.receivable_id(wallet, "IDR"))
    assert (owed.posted, owed.label, owed.is_wallet) == (-75, wallet, False)
    assert books.account(wallet).posted == 70
    assert sum(account.posted for account in books.all(type(owed))) == 0


def test_a_frozen_or_closed_wallet_is_no_excuse(books: Books) -> None:
    frozen, closed = books.wallet(funds=10), books.wallet()
    books.do(FreezeWallet(wallet_id=frozen))
    books.do(CloseWallet(wallet_id=closed))
    assert _take(books, frozen, 10) == (10, 0)
    assert _take(books, closed, 10) == (0, 10)


def test_only_wallets_have_something_taken_back(books: Books) -> None:
    with pytest.raises(NotFound):
        _take(books, "wal_none", 1)


def test_the_systems_accounts_pass_money_on(books: Books) -> None:
    books.do(MoveInternally(debit="clearing", credit="suspense", amount=7, currency="IDR", kind="top_up"))
    assert books.account(chart.account_id("suspense", "IDR")).posted == 7
    assert books.account(chart.account_id("clearing", "IDR")).posted == -7
