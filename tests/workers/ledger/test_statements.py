"""What people read: their wallets and statements."""

from typing import Any

import pytest

from contracts.ledger import (
    CloseWallet,
    FreezeWallet,
    GetWallet,
    Leg,
    ListMovements,
    ListWallets,
    MovementView,
    OpenWallet,
    PlaceHold,
    SettleHold,
)
from contracts.message import NotFound
from contracts.pages import CursorInvalid
from contracts.transfers import Destination, RequestTransfer, Source
from tests.workers.ledger.desk import Desk


async def pay(desk: Desk, source: str, to: str, amount: int, by: str = "usr_ann") -> None:
    await desk.do(
        RequestTransfer(
            source=Source(wallet_id=source),
            destination=Destination(wallet_id=to),
            amount=amount,
            currency="IDR",
        ),
        by,
    )


async def statement(desk: Desk, key: str, by: str = "usr_ann", limit: int = 20) -> list[MovementView]:
    """All pages of a statement."""
    found: list[MovementView] = []
    after = None
    while True:
        page = await desk.ask(ListMovements(wallet_id=key, limit=limit, after=after), by)
        assert len(page.data) == limit or not page.has_more
        found += page.data
        if not page.has_more:
            assert page.next is None
            return found
        after = page.next


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_statement_is_complete_in_order_and_runs_to_the_balance(desk: Desk, limit: int) -> None:
    ann, bob = await desk.wallet("usr_ann", funds=500), await desk.wallet("usr_bob", funds=30)
    for amount in (100, 200, 50):
        await pay(desk, ann, bob, amount)
    await pay(desk, bob, ann, 80, "usr_bob")
    mine = await statement(desk, ann, limit=limit)
    assert [(one.amount, one.balance_after) for one in mine] == [
        (80, 230), (-50, 150), (-200, 200), (-100, 400), (500, 500),
    ]  # fmt: skip
    assert [one.kind for one in mine] == ["transfer"] * 4 + ["top_up"]
    assert [one.counterparty for one in mine] == [bob] * 4 + ["clearing"]
    theirs = await statement(desk, bob, "usr_bob", limit=limit)
    assert [one.amount for one in theirs] == [-80, 50, 200, 100, 30]
    assert {one.id for one in mine} & {one.id for one in theirs} == {one.id for one in mine[:4]}
    assert (await desk.ask(GetWallet(wallet_id=ann))).balance.posted == 230


async def test_a_page_stays_the_same_while_money_moves(desk: Desk) -> None:
    ann, bob = await desk.wallet("usr_ann", funds=500), await desk.wallet("usr_bob")
    for amount in (1, 2, 3):
        await pay(desk, ann, bob, amount)
    first = await desk.ask(ListMovements(wallet_id=ann, limit=2))
    await pay(desk, ann, bob, 4)
    second = await desk.ask(ListMovements(wallet_id=ann, limit=2, after=first.next))
    assert [one.amount for one in (*first.data, *second.data)] == [-3, -2, -1, 500]


async def test_a_statement_is_filtered(desk: Desk) -> None:
    ann, bob = await desk.wallet("usr_ann", funds=500), await desk.wallet("usr_bob")
    for amount in (1, 2):
        await pay(desk, ann, bob, amount)
    top_ups = await desk.ask(ListMovements(wallet_id=ann, kind="top_up"))
    assert [one.amount for one in top_ups.data] == [500]
    oldest = top_ups.data[0].created_at
    later = await desk.ask(ListMovements(wallet_id=ann, created_to=oldest))
    assert later.data == []
    since = await desk.ask(ListMovements(wallet_id=ann, created_from=oldest))
    assert len(since.data) == 3


async def test_a_wallets_balance_tells_what_is_held(desk: Desk) -> None:
    ann, bob = await desk.wallet("usr_ann", funds=100), await desk.wallet("usr_bob")
    hold = {"hold_id": "hld_1", "account_id": ann, "owner": "usr_ann", "to": bob, "amount": 40}
    await desk.do(PlaceHold.model_validate(hold | {"currency": "IDR"}))
    balance = (await desk.ask(GetWallet(wallet_id=ann))).balance
    assert (balance.posted, balance.held, balance.available) == (100, 40, 60)
    leg = Leg(to=bob, amount=25, kind="payment")
    await desk.do(SettleHold(hold_id="hld_1", account_id=ann, legs=[leg]))
    balance = (await desk.ask(GetWallet(wallet_id=ann))).balance
    assert (balance.posted, balance.held, balance.available) == (75, 0, 75)


@pytest.mark.parametrize("cursor", ["bm9uc2Vuc2U", "WzFd-", "WyJ4Il0", "W10", "WzFlMzBd"])
async def test_a_cursor_of_somewhere_else_is_refused(desk: Desk, cursor: str) -> None:
    ann = await desk.wallet()
    with pytest.raises(CursorInvalid):
        await desk.ask(ListMovements(wallet_id=ann, after=cursor))


async def test_somebody_elses_wallet_does_not_exist(desk: Desk) -> None:
    ann = await desk.wallet("usr_ann", funds=5)
    for question in (GetWallet(wallet_id=ann), ListMovements(wallet_id=ann), GetWallet(wallet_id="wal_none")):
        with pytest.raises(NotFound):
            await desk.ask(question, "usr_bob")


async def test_those_who_oversee_read_everybodys_wallets_but_no_system_account(desk: Desk) -> None:
    ann, bob = await desk.wallet("usr_ann", funds=5), await desk.wallet("usr_bob")
    page = await desk.ask(ListWallets(), "usr_support", oversees=True)
    assert [one.id for one in page.data] == [bob, ann]
    movements = await desk.ask(ListMovements(wallet_id=ann), "usr_support", oversees=True)
    assert len(movements.data) == 1
    with pytest.raises(NotFound):
        await desk.ask(GetWallet(wallet_id="sys_clearing_idr_00"), "usr_support", oversees=True)


async def test_wallets_are_listed_newest_first_and_filtered(desk: Desk) -> None:
    opened: list[Any] = [await desk.do(OpenWallet(currency=c)) for c in ("IDR", "USD", "IDR", "EUR")]
    await desk.wallet("usr_bob")
    await desk.do(FreezeWallet(wallet_id=opened[0].id))
    await desk.do(CloseWallet(wallet_id=opened[2].id))

    async def listed(**filters: Any) -> list[int]:
        page = await desk.ask(ListWallets(**filters))
        return [[one.id for one in opened].index(one.id) for one in page.data]

    assert await listed() == [3, 2, 1, 0]
    assert await listed(currency="IDR") == [2, 0]
    assert await listed(status="frozen") == [0]
    assert await listed(status="active", currency="USD") == [1]
    assert await listed(created_from=opened[1].created_at, created_to=opened[3].created_at) == [2, 1]
    first = await desk.ask(ListWallets(limit=3))
    rest = await desk.ask(ListWallets(limit=3, after=first.next))
    assert [one.id for one in (*first.data, *rest.data)] == [one.id for one in reversed(opened)]


async def test_a_page_reads_no_more_than_it_shows(desk: Desk, app: Any, vandal: Any) -> None:
    ann = await desk.wallet()
    await vandal.execute(
        "INSERT INTO ledger.movements SELECT 'mov_' || n, CASE n % 2 WHEN 0 THEN $1 ELSE 'wal_x' END, "
        "CASE n % 2 WHEN 0 THEN 'wal_x' ELSE $1 END, 1, 'IDR', 'transfer', 'op_1', NULL, n, n, 0, 0, now() "
        "FROM generate_series(1, 20000) AS n",
        ann,
    )
    await vandal.execute("ANALYZE ledger.movements")
    page = await desk.ask(ListMovements(wallet_id=ann, limit=10))
    assert len(page.data) == 10
    await vandal.execute("SELECT pg_stat_reset()")
    await desk.ask(ListMovements(wallet_id=ann, limit=10, after=page.next))
    await desk.close()
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relid = 'ledger.movements'::regclass"
    assert await app.fetchval(read) < 50
