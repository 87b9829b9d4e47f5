"""Transfers from and to cards, in one process and in one for each domain."""

from typing import Any

import asyncpg
import pytest

from contracts.cards import ArchiveCard, FreezeCard, IssueCard
from contracts.operations import Reply
from contracts.transfers import Destination, RequestTransfer, Source, TransferView
from tests.servers import Database
from tests.workers.transfers.conftest import Bank

SENDER, RECEIVER = "usr_sender", "usr_receiver"


@pytest.fixture(params=["bank", "bank_apart"])
def either(request: pytest.FixtureRequest) -> Bank:
    """Both, in turn."""
    found: Bank = request.getfixturevalue(request.param)
    return found


async def card_on(bank: Bank, owner: str, wallet: str) -> str:
    reply = await bank.client.ask(IssueCard(wallet_id=wallet, brand="visa", type="debit"), owner)
    assert reply.result is not None, reply
    return str(reply.result["id"])


async def send(bank: Bank, source: Source, destination: Destination, amount: int = 300) -> Reply:
    command = RequestTransfer(source=source, destination=destination, amount=amount, currency="IDR")
    return await bank.client.ask(command, SENDER)


def view(reply: Reply) -> TransferView:
    return TransferView.model_validate(reply.result)


def code(reply: Reply) -> str:
    assert reply.problem is not None, reply
    return reply.problem.code


async def test_money_moves_from_card_to_card(either: Bank) -> None:
    mine, theirs = await either.wallet(SENDER, 1_000), await either.wallet(RECEIVER)
    from_, to = await card_on(either, SENDER, mine), await card_on(either, RECEIVER, theirs)
    sent = await send(either, Source(card_id=from_), Destination(card_id=to))
    assert (view(sent).status, view(sent).source, view(sent).destination) == (
        "completed",
        Source(card_id=from_),
        Destination(card_id=to),
    )
    assert theirs not in repr(sent)
    assert await either.balance(SENDER, mine) == (700, 0)
    assert await either.balance(RECEIVER, theirs) == (300, 0)
    seen = view(await either.get(RECEIVER, view(sent).id))
    assert (seen.source, seen.destination) == (Source(wallet_id=mine), Destination(wallet_id=theirs))
    again = view(await either.get(SENDER, view(sent).id))
    assert (again.source, again.destination) == (Source(card_id=from_), Destination(card_id=to))


async def test_a_card_goes_with_wallets_and_addresses(bank: Bank) -> None:
    receiver = await bank.person("budi")
    mine, theirs = await bank.wallet(SENDER, 1_000), await bank.wallet(receiver)
    card = await card_on(bank, SENDER, mine)
    to_address = await send(bank, Source(card_id=card), Destination(email="budi@example.com"), 100)
    to_wallet = await send(bank, Source(card_id=card), Destination(wallet_id=theirs), 100)
    their_card = await card_on(bank, receiver, theirs)
    to_card = await send(bank, Source(wallet_id=mine), Destination(card_id=their_card), 100)
    assert [view(one).status for one in (to_address, to_wallet, to_card)] == ["completed"] * 3
    assert await bank.balance(receiver, theirs) == (300, 0)


async def test_only_ones_own_card_pays(either: Bank) -> None:
    theirs, mine = await either.wallet(RECEIVER, 1_000), await either.wallet(SENDER, 1_000)
    card = await card_on(either, RECEIVER, theirs)
    for source in (card, "crd_unknown"):
        assert code(await send(either, Source(card_id=source), Destination(wallet_id=mine))) == "not_found"
        assert code(await send(either, Source(wallet_id=mine), Destination(card_id="crd_unknown"))) == "not_found"
    assert await either.balance(RECEIVER, theirs) == (1_000, 0)
    assert await either.balance(SENDER, mine) == (1_000, 0)


async def test_two_sides_of_one_wallet_are_a_self_transfer(bank: Bank) -> None:
    mine = await bank.wallet(SENDER, 1_000)
    one, other = await card_on(bank, SENDER, mine), await card_on(bank, SENDER, mine)
    for source, destination in (
        (Source(card_id=one), Destination(card_id=one)),
        (Source(card_id=one), Destination(card_id=other)),
        (Source(card_id=one), Destination(wallet_id=mine)),
        (Source(wallet_id=mine), Destination(card_id=one)),
    ):
        assert code(await send(bank, source, destination)) == "self_transfer"
    assert await bank.balance(SENDER, mine) == (1_000, 0)


async def test_a_card_that_can_not_be_used_moves_nothing(bank: Bank, database: Database) -> None:
    mine, theirs = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    from_, to = await card_on(bank, SENDER, mine), await card_on(bank, RECEIVER, theirs)

    async def codes() -> set[str]:
        return {
            code(await send(bank, Source(card_id=from_), Destination(wallet_id=theirs))),
            code(await send(bank, Source(wallet_id=mine), Destination(card_id=to))),
        }

    for owner, card in ((SENDER, from_), (RECEIVER, to)):
        await bank.client.ask(FreezeCard(card_id=card), owner)
    assert await codes() == {"card_frozen"}
    connection = await asyncpg.connect(database.admin_url)
    await connection.execute("UPDATE cards.cards SET expires_at = now()")
    await connection.close()
    assert await codes() == {"card_expired"}
    for owner, card in ((SENDER, from_), (RECEIVER, to)):
        await bank.client.ask(ArchiveCard(card_id=card), owner)
    assert await codes() == {"not_found"}
    assert await bank.balance(SENDER, mine) == (1_000, 0)
    assert {one.status for one in await bank.list(SENDER)} == {"failed"}


async def test_filters_tell_nobody_more_than_the_transfer(bank: Bank) -> None:
    mine, theirs = await bank.wallet(SENDER, 1_000), await bank.wallet(RECEIVER)
    from_, to = await card_on(bank, SENDER, mine), await card_on(bank, RECEIVER, theirs)
    sent = view(await send(bank, Source(card_id=from_), Destination(card_id=to)))

    async def found(caller: str, *, oversees: bool = False, **query: Any) -> bool:
        listed = await bank.list(caller, oversees=oversees, **query)
        assert all(one.id == sent.id for one in listed)
        return bool(listed)

    assert await found(SENDER, card_id=from_)
    assert await found(SENDER, card_id=to)
    assert await found(SENDER, wallet_id=mine)
    assert not await found(SENDER, wallet_id=theirs)
    assert await found(RECEIVER, card_id=to)
    assert await found(RECEIVER, wallet_id=theirs)
    assert not await found(RECEIVER, card_id=from_)
    assert await found("usr_operator", oversees=True, card_id=from_)
    assert not await found(SENDER, card_id="crd_other")
