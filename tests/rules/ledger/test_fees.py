"""What a payment costs its receiver, and what comes back of it with a refund."""

import pytest

from contracts.ledger import CloseWallet, FreezeWallet, InsufficientFunds, Leg, PostRefund, SettleHold, WalletFrozen
from contracts.message import NotFound, Refusal
from tests.rules.ledger.books import Books
from workers.ledger import chart
from workers.ledger.accounts import Account

FEES = chart.account_id("fees", "IDR")


@pytest.fixture
def paid(books: Books) -> tuple[str, str]:
    """A payer's wallet with 900 left, and a shop's that was paid 100 of it and paid 7 for that."""
    payer, shop = books.wallet(funds=1_000), books.wallet("usr_bob")
    books.hold("hld_1", payer, shop, 100)
    leg = Leg(to=shop, amount=100, kind="payment", fee=7)
    books.do(SettleHold(hold_id="hld_1", account_id=payer, currency="IDR", legs=[leg]))
    return payer, shop


def refund(books: Books, shop: str, payer: str, amount: int, *, fee: int = 0) -> None:
    books.do(PostRefund(account_id=shop, owner="usr_bob", to=payer, amount=amount, currency="IDR", fee=fee))


def posted(books: Books, *keys: str) -> list[int]:
    return [books.account(key).posted for key in keys]


def test_the_receiver_pays_the_fee_and_the_payers_statement_knows_nothing_of_it(
    books: Books, paid: tuple[str, str]
) -> None:
    payer, shop = paid
    assert posted(books, payer, shop, FEES) == [900, 93, 7]
    kinds = [(one.kind, one.debit_account, one.credit_account, one.amount) for one in books.movements()[1:]]
    assert kinds == [("payment", payer, shop, 100), ("fee", shop, FEES, 7)]
    assert len({one.id for one in books.movements()}) == 3


def test_each_part_of_a_hold_pays_its_own_fee(books: Books) -> None:
    payer, shop = books.wallet(funds=1_000), books.wallet("usr_bob")
    books.hold("hld_1", payer, shop, 100)
    for amount, fee in ((30, 3), (20, 0), (50, 50)):
        leg = Leg(to=shop, amount=amount, kind="payment", fee=fee)
        books.do(SettleHold(hold_id="hld_1", account_id=payer, currency="IDR", legs=[leg], final=False))
    assert posted(books, payer, shop, FEES) == [900, 47, 53]
    assert books.account(payer).held == 0


def test_what_a_payment_left_is_enough_to_refund_it_with_its_fee(books: Books, paid: tuple[str, str]) -> None:
    payer, shop = paid
    refund(books, shop, payer, 100, fee=7)
    assert posted(books, payer, shop, FEES) == [1_000, 0, 0]


def test_without_the_fee_it_takes_more_than_that(books: Books, paid: tuple[str, str]) -> None:
    payer, shop = paid
    with pytest.raises(InsufficientFunds):
        refund(books, shop, payer, 100, fee=6)
    assert posted(books, payer, shop, FEES) == [900, 93, 7]
    refund(books, shop, payer, 93)
    assert posted(books, payer, shop, FEES) == [993, 0, 7]


def test_what_is_held_at_the_shop_is_not_refunded(books: Books, paid: tuple[str, str]) -> None:
    payer, shop = paid
    books.hold("hld_2", shop, payer, 90)
    with pytest.raises(InsufficientFunds):
        refund(books, shop, payer, 10)


@pytest.mark.parametrize("frozen", ["payer", "shop"])
def test_frozen_wallets_neither_give_back_nor_get_back(books: Books, paid: tuple[str, str], frozen: str) -> None:
    payer, shop = paid
    key, owner = (payer, "usr_ann") if frozen == "payer" else (shop, "usr_bob")
    books.do(FreezeWallet(wallet_id=key), owner)
    with pytest.raises(WalletFrozen):
        refund(books, shop, payer, 10, fee=1)


def test_a_refund_leaves_only_the_wallet_of_its_owner(books: Books, paid: tuple[str, str]) -> None:
    payer, shop = paid
    with pytest.raises(NotFound):
        books.do(PostRefund(account_id=payer, owner="usr_bob", to=shop, amount=1, currency="IDR"))
    with pytest.raises(NotFound):
        refund(books, shop, FEES, 1)
    with pytest.raises(Refusal, match="same wallet"):
        refund(books, shop, shop, 1)


def test_a_closed_wallet_gets_nothing_back(books: Books, paid: tuple[str, str]) -> None:
    payer, shop = paid
    other = books.wallet("usr_bob")
    books.hold("hld_2", payer, other, 900)
    books.settle("hld_2", payer, (other, 900))
    books.do(CloseWallet(wallet_id=payer), "usr_ann")
    with pytest.raises(Refusal, match="closed"):
        refund(books, shop, payer, 10)
    assert sum(one.posted for one in books.all(Account)) == 0
