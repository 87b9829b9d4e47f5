"""Double entry."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.ledger import CurrencyMismatch, InsufficientFunds, SelfTransfer, WalletBalanceLimit
from tests.rules.ledger.books import START
from workers.ledger import accounts, postings
from workers.ledger.accounts import Account
from workers.ledger.postings import MAX_BALANCE, Entry

amounts = st.integers(1, 10**15)
balances = st.integers(-MAX_BALANCE, MAX_BALANCE)
counts = st.integers(0, 2**40)


def entry(amount: int) -> Entry:
    return Entry("mov_1", amount, "transfer", "op_1", None, START)


def system(posted: int, sequence: int) -> Account:
    return accounts.system("clearing", "IDR", START)._replace(posted=posted, sequence=sequence)


def wallet(posted: int, held: int = 0, sequence: int = 0, key: str = "wal_1") -> Account:
    empty = accounts.opened(key, "usr_1", "IDR", None, START)
    return empty._replace(posted=posted, held=held, sequence=sequence)


@given(balances, counts, st.integers(0, MAX_BALANCE), counts, amounts)
def test_a_movement_changes_both_sides_alike(
    debit: int, debit_count: int, credit: int, credit_count: int, amount: int
) -> None:
    assume(credit + amount <= MAX_BALANCE and debit - amount >= -MAX_BALANCE)
    before = system(debit, debit_count), wallet(credit, sequence=credit_count)
    posted = postings.post(*before, entry(amount))
    assert posted.debit.posted + posted.credit.posted == debit + credit
    assert posted.credit.posted - credit == amount
    assert (posted.debit.sequence, posted.credit.sequence) == (debit_count + 1, credit_count + 1)
    movement = posted.movement
    assert (movement.debit_seq, movement.credit_seq) == (posted.debit.sequence, posted.credit.sequence)
    after = movement.debit_balance_after, movement.credit_balance_after
    assert after == (posted.debit.posted, posted.credit.posted)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_wallet_spends_what_is_available_and_no_more(posted: int, held: int, amount: int) -> None:
    assume(held <= posted)
    source = wallet(posted, held)
    if amount > source.available:
        with pytest.raises(InsufficientFunds):
            postings.post(source, system(0, 0), entry(amount))
    else:
        assert postings.post(source, system(0, 0), entry(amount)).debit.available >= 0


@given(amounts)
def test_no_balance_leaves_what_the_database_can_hold(amount: int) -> None:
    full, empty = wallet(MAX_BALANCE - amount + 1), system(-MAX_BALANCE + amount - 1, 0)
    with pytest.raises(WalletBalanceLimit):
        postings.post(system(0, 0), full, entry(amount))
    with pytest.raises(WalletBalanceLimit):
        postings.post(empty, wallet(0), entry(amount))


def test_an_account_does_not_pay_itself() -> None:
    with pytest.raises(SelfTransfer):
        postings.post(wallet(5), wallet(5), entry(1))


def test_a_movement_has_one_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        postings.post(wallet(5), wallet(5, key="wal_2")._replace(currency="USD"), entry(1))


@pytest.mark.parametrize("amount", [0, -1])
def test_money_only_moves_forwards(amount: int) -> None:
    with pytest.raises(AssertionError):
        postings.post(wallet(5), wallet(5, key="wal_2"), entry(amount))
