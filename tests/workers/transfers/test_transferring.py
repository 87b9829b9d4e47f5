"""Transfers from request to outcome, on real servers."""

import asyncio

import asyncpg
import pytest

from contracts.ledger import CloseWallet, FreezeWallet
from contracts.transfers import Destination, RequestTransfer, Source
from tests.servers import Database
from tests.workers.transfers.conftest import Bank

SENDER, RECEIVER = "usr_sender", "usr_receiver"


async def test_money_moves_between_wallets(bank: Bank) -> None:
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    reply = await bank.send(SENDER, source, 300, wallet_id=destination, note="rent", metadata={"month": "11"})
    assert reply.status == "succeeded"
    assert reply.result is not None
    assert reply.result["status"] == "completed"
    assert reply.result["note"] == "rent"
    assert reply.result["metadata"] == {"month": "11"}
    assert reply.result["completed_at"] is not None
    assert await bank.balance(SENDER, source) == (700, 0)
    assert await bank.balance(RECEIVER, destination) == (300, 0)


async def test_money_moves_to_an_address(bank: Bank) -> None:
    receiver = await bank.person("budi")
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet(receiver)
    await bank.wallet(receiver)
    reply = await bank.send(SENDER, source, 300, email="Budi@example.com")
    assert reply.result is not None
    assert reply.result["destination"] == {"wallet_id": None, "card_id": None, "email": "budi@example.com"}
    assert await bank.balance(receiver, destination) == (300, 0)
    seen = await bank.get(receiver, reply.result["id"])
    assert seen.result is not None
    assert seen.result["destination"] == {"wallet_id": destination, "card_id": None, "email": None}


async def test_strangers_receive_nothing(bank: Bank) -> None:
    receiver = await bank.person("budi")
    source = await bank.wallet(SENDER, 1_000)
    for email in ("stranger@example.com", "budi@example.com"):
        reply = await bank.send(SENDER, source, 300, email=email)
        assert reply.problem is not None
        assert reply.problem.code == "not_found"
    await bank.wallet(receiver, currency="USD")
    assert (await bank.send(SENDER, source, 300, email="budi@example.com")).status == "failed"
    assert await bank.balance(SENDER, source) == (1_000, 0)


async def test_archived_people_receive_nothing(bank: Bank, database: Database) -> None:
    receiver = await bank.person("budi")
    source, _ = await bank.wallet(SENDER, 1_000), await bank.wallet(receiver)
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute("UPDATE identity.users SET status = 'archived'")
    await connection.close()
    reply = await bank.send(SENDER, source, 300, email="budi@example.com")
    assert reply.problem is not None
    assert reply.problem.code == "not_found"


async def test_a_wallet_sends_nothing_to_itself_and_no_transfer_is_left(bank: Bank) -> None:
    source = await bank.wallet(SENDER, 1_000)
    reply = await bank.send(SENDER, source, 300, wallet_id=source)
    assert reply.problem is not None
    assert reply.problem.code == "self_transfer"
    assert await bank.list(SENDER) == []


async def test_ones_own_address_is_found_out_by_the_hold(bank: Bank) -> None:
    sender = await bank.person("budi")
    source = await bank.wallet(sender, 1_000)
    reply = await bank.send(sender, source, 300, email="budi@example.com")
    assert reply.problem is not None
    assert reply.problem.code == "self_transfer"
    [left] = await bank.list(sender)
    assert left.failure is not None
    assert left.failure.code == "self_transfer"
    assert await bank.balance(sender, source) == (1_000, 0)


async def test_money_moves_between_ones_own_wallets(bank: Bank) -> None:
    sender = await bank.person("budi")
    oldest, source = await bank.wallet(sender), await bank.wallet(sender, 1_000)
    assert (await bank.send(sender, source, 300, email="budi@example.com")).status == "succeeded"
    assert await bank.balance(sender, oldest) == (300, 0)
    assert len(await bank.list(sender)) == 1
    assert len(await bank.list(sender, direction="sent")) == 1
    assert len(await bank.list(sender, direction="received")) == 1


@pytest.mark.parametrize(
    ("amount", "options", "code"),
    [
        (1_001, {}, "insufficient_funds"),
        (10, {"currency": "USD"}, "currency_mismatch"),
        (10, {"wallet_id": "wal_none"}, "not_found"),
    ],
)
async def test_what_the_ledger_refuses_exists_as_failed(
    bank: Bank, amount: int, options: dict[str, str], code: str
) -> None:
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    reply = await bank.send(SENDER, source, amount, **({"wallet_id": destination} | options))
    assert reply.status == "failed"
    assert reply.problem is not None
    assert reply.problem.code == code
    [left] = await bank.list(SENDER)
    assert left.status == "failed"
    assert left.failure is not None
    assert (left.failure.code, left.failure.detail) == (code, reply.problem.detail)
    assert await bank.balance(SENDER, source) == (1_000, 0)
    assert await bank.list(RECEIVER) == []


async def test_nobody_sends_other_peoples_money(bank: Bank) -> None:
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet("usr_thief")
    reply = await bank.send("usr_thief", source, 300, wallet_id=destination)
    assert reply.problem is not None
    assert reply.problem.code == "not_found"
    assert await bank.balance(SENDER, source) == (1_000, 0)


@pytest.mark.parametrize("frozen", ["source", "destination"])
async def test_frozen_wallets_neither_send_nor_receive(bank: Bank, frozen: str) -> None:
    wallets = {"source": await bank.wallet(SENDER, 1_000), "destination": await bank.wallet(RECEIVER)}
    owner = SENDER if frozen == "source" else RECEIVER
    await bank.client.ask(FreezeWallet(wallet_id=wallets[frozen]), owner)
    reply = await bank.send(SENDER, wallets["source"], 300, wallet_id=wallets["destination"])
    assert reply.problem is not None
    assert reply.problem.code == "wallet_frozen"


async def test_closed_wallets_receive_nothing(bank: Bank) -> None:
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    await bank.client.ask(CloseWallet(wallet_id=destination), RECEIVER)
    reply = await bank.send(SENDER, source, 300, wallet_id=destination)
    assert reply.problem is not None
    assert reply.problem.code == "wallet_closed"


async def test_the_same_operation_moves_money_once(bank: Bank) -> None:
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    command = RequestTransfer(
        source=Source(wallet_id=source),
        destination=Destination(wallet_id=destination),
        amount=300,
        currency="IDR",
    )
    first = bank.client.envelope(command, SENDER)
    again = [bank.client.envelope(command, SENDER, id=first.id) for _ in range(3)]
    await bank.client.send(first, *again)
    await bank.client.send(*again)
    replies = [await bank.client.final(envelope) for envelope in (first, *again)]
    assert {reply.status for reply in replies} == {"succeeded"}
    assert await bank.balance(SENDER, source) == (700, 0)
    assert len(await bank.list(SENDER)) == 1


async def test_twenty_at_once_never_overdraw(bank: Bank) -> None:
    source, destination = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    tries = [bank.send(SENDER, source, 300, wallet_id=destination) for _ in range(20)]
    replies = await asyncio.gather(*tries)
    assert sum(reply.status == "succeeded" for reply in replies) == 3
    assert await bank.balance(SENDER, source) == (100, 0)
    assert await bank.balance(RECEIVER, destination) == (900, 0)


async def test_it_is_the_same_with_a_process_for_each_domain(bank_apart: Bank) -> None:
    bank = bank_apart
    receiver = await bank.person("budi")
    source, destination = await bank.wallet(SENDER, 10_000), await bank.wallet(receiver)
    replies = await asyncio.gather(
        *(bank.send(SENDER, source, 300, email="budi@example.com") for _ in range(10)),
        *(bank.send(SENDER, source, 300, wallet_id=destination) for _ in range(10)),
        bank.send(SENDER, source, 10_000, wallet_id=destination),
    )
    assert sum(reply.status == "succeeded" for reply in replies) == 20
    assert await bank.balance(SENDER, source) == (4_000, 0)
    assert await bank.balance(receiver, destination) == (6_000, 0)
