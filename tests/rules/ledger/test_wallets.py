"""Opening, naming, freezing, finding and closing wallets."""

from collections.abc import Callable

import pytest

from contracts.identity import PermissionDenied
from contracts.ledger import (
    CheckWallet,
    CloseWallet,
    CurrencyMismatch,
    FindWallet,
    FreezeWallet,
    OpenWallet,
    RenameWallet,
    UnfreezeWallet,
    WalletClosed,
    WalletFrozen,
    WalletNotEmpty,
    WalletView,
)
from contracts.message import Command, NotFound
from tests.rules.ledger.books import Books
from workers.ledger import chart

CHANGES: list[Callable[[str], Command[WalletView]]] = [
    lambda key: RenameWallet(wallet_id=key, label="rent"),
    lambda key: FreezeWallet(wallet_id=key),
    lambda key: UnfreezeWallet(wallet_id=key),
    lambda key: CloseWallet(wallet_id=key),
]


def test_a_new_wallet_is_active_and_empty(books: Books) -> None:
    view = books.do(OpenWallet(currency="IDR", label="savings"))
    assert (view.label, view.status, view.currency) == ("savings", "active", "IDR")
    assert (view.balance.posted, view.balance.held, view.balance.available) == (0, 0, 0)
    assert view.id.startswith("wal_")
    assert books.account(view.id).owner == "usr_ann"


def test_a_wallet_is_renamed_and_its_name_removed(books: Books) -> None:
    key = books.wallet()
    assert books.do(RenameWallet(wallet_id=key, label="rent")).label == "rent"
    assert books.do(RenameWallet(wallet_id=key, label=None)).label is None


@pytest.mark.parametrize("change", CHANGES)
def test_somebody_elses_wallet_does_not_exist(books: Books, change: Callable[[str], Command[WalletView]]) -> None:
    key = books.wallet()
    with pytest.raises(NotFound):
        books.do(change(key), "usr_bob")


@pytest.mark.parametrize("change", CHANGES)
def test_an_operator_changes_anybodys_wallet(books: Books, change: Callable[[str], Command[WalletView]]) -> None:
    key = books.wallet()
    assert books.do(change(key), "usr_operator", oversees=True).id == key


@pytest.mark.parametrize("change", CHANGES)
def test_a_system_account_is_nobodys_to_change(books: Books, change: Callable[[str], Command[WalletView]]) -> None:
    books.wallet(funds=5)
    with pytest.raises(NotFound):
        books.do(change(chart.account_id("clearing", "IDR")), "usr_operator", oversees=True)


def test_freezing_twice_and_unfreezing_twice_change_nothing(books: Books) -> None:
    key = books.wallet()
    assert books.do(FreezeWallet(wallet_id=key)) == books.do(FreezeWallet(wallet_id=key))
    assert books.account(key).status == "frozen"
    assert books.do(UnfreezeWallet(wallet_id=key)) == books.do(UnfreezeWallet(wallet_id=key))
    assert books.account(key).status == "active"


@pytest.mark.parametrize("owner_first", [False, True])
def test_what_an_operator_froze_only_an_operator_unfreezes(books: Books, owner_first: bool) -> None:  # noqa: FBT001
    key = books.wallet()
    if owner_first:
        books.do(FreezeWallet(wallet_id=key))
    books.do(FreezeWallet(wallet_id=key), "usr_operator", oversees=True)
    books.do(FreezeWallet(wallet_id=key))
    with pytest.raises(PermissionDenied):
        books.do(UnfreezeWallet(wallet_id=key))
    with pytest.raises(WalletFrozen):
        books.do(CloseWallet(wallet_id=key))
    other = books.do(UnfreezeWallet(wallet_id=key), "usr_other_operator", oversees=True)
    assert other.status == "active"


def test_a_freeze_is_the_first_operators(books: Books) -> None:
    key = books.wallet()
    for operator in ("usr_operator", "usr_other_operator"):
        books.do(FreezeWallet(wallet_id=key), operator, oversees=True)
    assert books.account(key).frozen_by == "usr_operator"


def test_an_owner_closes_what_they_froze(books: Books) -> None:
    key = books.wallet()
    books.do(FreezeWallet(wallet_id=key))
    assert books.do(CloseWallet(wallet_id=key)).status == "closed"


def test_a_wallet_with_money_is_not_closed(books: Books) -> None:
    key = books.wallet(funds=1)
    with pytest.raises(WalletNotEmpty):
        books.do(CloseWallet(wallet_id=key))


@pytest.mark.parametrize("change", CHANGES[:3])
def test_a_closed_wallet_stays_as_it_is(books: Books, change: Callable[[str], Command[WalletView]]) -> None:
    key = books.wallet()
    closed = books.do(CloseWallet(wallet_id=key))
    with pytest.raises(WalletClosed):
        books.do(change(key))
    assert books.do(CloseWallet(wallet_id=key)) == closed


def test_money_for_a_person_goes_to_their_oldest_active_wallet(books: Books) -> None:
    frozen, other, oldest, _ = (books.wallet(currency=c) for c in ("IDR", "USD", "IDR", "IDR"))
    books.do(FreezeWallet(wallet_id=frozen))
    assert books.do(FindWallet(owner="usr_ann", currency="IDR")).account_id == oldest
    assert books.do(FindWallet(owner="usr_ann", currency="USD")).account_id == other
    for nowhere in (FindWallet(owner="usr_ann", currency="EUR"), FindWallet(owner="usr_bob", currency="IDR")):
        with pytest.raises(NotFound):
            books.do(nowhere)


def test_a_system_account_is_never_found_for_a_person(books: Books) -> None:
    books.wallet(funds=5)
    with pytest.raises(NotFound):
        books.do(FindWallet(owner=chart.SYSTEM, currency="IDR"))


def test_a_wallet_is_checked_before_it_is_charged_for(books: Books) -> None:
    key = books.wallet()
    assert books.do(CheckWallet(account_id=key, owner="usr_ann", currency="IDR")).account_id == key
    with pytest.raises(NotFound):
        books.do(CheckWallet(account_id=key, owner="usr_bob", currency="IDR"))
    with pytest.raises(NotFound):
        books.do(CheckWallet(account_id="wal_none", owner="usr_ann", currency="IDR"))
    with pytest.raises(CurrencyMismatch):
        books.do(CheckWallet(account_id=key, owner="usr_ann", currency="USD"))
    books.do(FreezeWallet(wallet_id=key))
    with pytest.raises(WalletFrozen):
        books.do(CheckWallet(account_id=key, owner="usr_ann", currency="IDR"))
    books.do(CloseWallet(wallet_id=key))
    with pytest.raises(WalletClosed):
        books.do(CheckWallet(account_id=key, owner="usr_ann", currency="IDR"))
