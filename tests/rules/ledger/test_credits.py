"""Money that arrives from providers."""

import pytest

from contracts.ledger import CloseWallet, FreezeWallet
from tests.rules.ledger.books import Books
from workers.ledger import chart
from workers.ledger.accounts import Account
from workers.ledger.postings import MAX_BALANCE


def test_a_credit_comes_out_of_clearing(books: Books) -> None:
    key = books.wallet()
    posting = books.credit(key, 70)
    [movement] = books.movements()
    assert (posting.movement_id, posting.account_id) == (movement.id, key)
    assert (movement.debit_account, movement.credit_account) == ("sys_clearing_idr_00", key)
    assert books.account("sys_clearing_idr_00").posted == -70
    assert books.account(key).posted == 70


def test_each_worker_writes_its_own_stripe(books: Books) -> None:
    key = books.wallet()
    for stripe in (3, 5, 3):
        chart.use_stripe(stripe)
        books.credit(key, 10)
    stripes = {account.id: account.posted for account in books.all(Account) if account.owner == chart.SYSTEM}
    assert stripes == {"sys_clearing_idr_03": -20, "sys_clearing_idr_05": -10}


def test_a_frozen_wallet_still_takes_what_was_paid_in(books: Books) -> None:
    key = books.wallet()
    books.do(FreezeWallet(wallet_id=key))
    assert books.credit(key, 70).account_id == key


def test_what_no_wallet_can_take_goes_to_suspense(books: Books) -> None:
    closed, dollars = books.wallet(), books.wallet(currency="USD")
    books.do(CloseWallet(wallet_id=closed))
    for unfit in (closed, dollars, "wal_none", "sys_clearing_idr_00"):
        assert books.credit(unfit, 70).account_id == "sys_suspense_idr_00"
    assert books.account("sys_suspense_idr_00").posted == 280


def test_what_a_full_wallet_can_not_take_goes_to_suspense(books: Books) -> None:
    key = books.wallet()
    for stripe in range(chart.STRIPES):
        chart.use_stripe(stripe)
        for _ in range(150):
            books.credit(key, 10**15)
    account = books.account(key)
    assert account.posted == MAX_BALANCE
    assert books.account("sys_suspense_idr_63").posted > 0


@pytest.mark.parametrize("stripe", [-1, chart.STRIPES])
def test_there_are_so_many_stripes_and_no_more(stripe: int) -> None:
    with pytest.raises(AssertionError):
        chart.use_stripe(stripe)


@pytest.mark.parametrize("role", sorted(chart.ROLES))
def test_a_system_account_tells_its_role(role: str) -> None:
    key = chart.account_id(role, "IDR")
    assert chart.is_system(key)
    assert chart.role(key) == role
