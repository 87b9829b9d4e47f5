"""Who sees which operations."""

from collections.abc import Awaitable, Callable
from typing import Any

from contracts.ledger import OpenWallet
from contracts.operations import GetOperation, OperationView
from contracts.transfers import Destination, RequestTransfer, Source
from tests.workers.client import Client


async def test_an_outcome_is_its_principals_and_operators(
    start_worker: Callable[..., Awaitable[Any]], client: Client
) -> None:
    await start_worker("all")
    envelope = client.envelope(OpenWallet(currency="IDR"), "usr_a")
    await client.send(envelope)
    opened = await client.final(envelope)
    question = GetOperation(operation_id=envelope.id)
    answer = await client.ask(question, "usr_a")
    view = OperationView.model_validate(answer.result)
    assert (view.id, view.type, view.status) == (envelope.id, "ledger.OpenWallet", "succeeded")
    assert view.result == opened.result
    assert view.completed_at is not None
    assert (await client.ask(question, "usr_operator", oversees=True)).result == answer.result
    for stranger in (client.ask(question, "usr_b"), client.ask(GetOperation(operation_id="op_none"), "usr_a")):
        reply = await stranger
        assert reply.problem is not None
        assert reply.problem.code == "not_found"


async def test_a_refusal_is_an_outcome(start_worker: Callable[..., Awaitable[Any]], client: Client) -> None:
    await start_worker("all")
    wallet = Source(wallet_id="wal_a")
    command = RequestTransfer(source=wallet, destination=Destination(wallet_id="wal_b"), amount=1, currency="IDR")
    envelope = client.envelope(command, "usr_a")
    await client.send(envelope)
    refused = await client.final(envelope)
    answer = await client.ask(GetOperation(operation_id=envelope.id), "usr_a")
    view = OperationView.model_validate(answer.result)
    assert (view.type, view.status) == ("transfers.RequestTransfer", "failed")
    assert view.problem == refused.problem
