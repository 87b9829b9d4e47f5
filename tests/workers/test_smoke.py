from contracts.identity import Register
from contracts.ledger import GetWallet, OpenWallet
from contracts.transfers import Destination, RequestTransfer, Source
from tests.workers.client import Client

import pytest


@pytest.mark.parametrize("split", [False, True])
async def test_transfer(start_worker, client, split, database):
    if split:
        for d in ("identity", "ledger", "topups", "transfers", "operations"):
            await start_worker(d)
    else:
        await start_worker("all")
    a = await client.ask(OpenWallet(currency="IDR"), "usr_a")
    print(a)
    b = await client.ask(OpenWallet(currency="IDR"), "usr_b")
    import asyncpg

    c = await asyncpg.connect(database.admin_url)
    await c.execute("update ledger.accounts set posted=1000 where id=$1", a.result["id"])
    t = await client.ask(
        RequestTransfer(
            source=Source(wallet_id=a.result["id"]),
            destination=Destination(wallet_id=b.result["id"]),
            amount=100,
            currency="IDR",
        ),
        "usr_a",
    )
    print(t)
    assert t.status == "succeeded"
    t = await client.ask(
        RequestTransfer(
            source=Source(wallet_id=a.result["id"]),
            destination=Destination(wallet_id=b.result["id"]),
            amount=10000,
            currency="IDR",
        ),
        "usr_a",
    )
    print(t)
    assert t.problem.code == "insufficient_funds"
    print(await client.ask(Register(email="a@b.co", password="x" * 12, first_name="a", last_name="b"), "x"))
    await c.close()
