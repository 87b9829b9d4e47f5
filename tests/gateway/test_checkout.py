"""Raw card data at the checkout: swapped once, remembered by a digest, and nowhere in what is durable."""

import json
import re
from typing import Any

import pytest
from pydantic_core import to_jsonable_python

from contracts.cards import TooManyTries
from contracts.envelope import Envelope
from contracts.moving import Declined
from tests.gateway.clients import Answer, Client
from tests.gateway.worker import Worker

PAN, CVV, OTHER_CVV = "4242424242424242", "911", "912"
PRINTED = {"pan": PAN, "cvv": CVV, "exp_month": 12, "exp_year": 2031}
PAYMENT, TOKENIZE = "payments.RequestPayment", "cards.TokenizeCard"


@pytest.fixture(autouse=True)
def _scripts(worker: Worker) -> None:
    worker.on(PAYMENT, lambda envelope: {"id": "pay_1", "status": "captured", "of": envelope.operation})
    worker.on(TOKENIZE, lambda _: {"token": f"tok_{len(worker.of(TOKENIZE))}", "expires_in": 300})


async def pay(client: Client, card: dict[str, Any], *, key: str = "k", **fields: Any) -> Answer:
    body = {"card": card, "amount": 1_000, "currency": "IDR"} | fields
    return await client.post("/v1/payments", body, key=key, prefer="wait=10")


def cards(envelopes: list[Envelope]) -> list[dict[str, Any]]:
    """How these commands name their cards."""
    return [{name: value for name, value in one.body["card"].items() if value} for one in envelopes]


def assert_kept_nowhere(worker: Worker, answer: Answer) -> None:
    """Neither in the answer nor in any message but the call that swaps it."""
    said = [to_jsonable_python(one) for one in worker.heard if one.type != f"{TOKENIZE}.v1"]
    for text in (json.dumps(said), answer.body.decode(), str(answer.headers)):
        assert PAN not in text
        # By chance three digits are a part of some identifier or time.
        assert not re.search(rf"(?<![\w.:-]){CVV}(?![\w.:-])", text)


async def test_a_card_id_is_passed_on(client: Client, worker: Worker) -> None:
    answer = await pay(client, {"id": "crd_1"}, reference="order-1", metadata={"b": "2", "a": "1"}, capture="manual")
    assert (answer.status, answer.headers["Location"]) == (201, "/v1/payments/pay_1")
    [command] = worker.of(PAYMENT)
    assert cards([command]) == [{"id": "crd_1"}]
    assert (command.body["reference"], command.body["capture"]) == ("order-1", "manual")
    assert command.body["metadata"] == {"b": "2", "a": "1"}
    assert worker.of(TOKENIZE) == []


async def test_card_data_is_swapped_for_a_token(client: Client, worker: Worker) -> None:
    answer = await pay(client, PRINTED)
    assert answer.status == 201
    [call], [command] = worker.of(TOKENIZE), worker.of(PAYMENT)
    assert call.body == PRINTED
    assert call.caller is not None
    assert call.caller.principal == client.principal
    assert cards([command]) == [{"token": "tok_1"}]
    assert_kept_nowhere(worker, answer)


async def test_a_repeat_is_recognised_and_swaps_nothing(client: Client, worker: Worker) -> None:
    first = await pay(client, PRINTED)
    again = await pay(client, dict(reversed(PRINTED.items())))
    assert (again.status, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(worker.of(TOKENIZE)) == 1
    assert_kept_nowhere(worker, again)


@pytest.mark.parametrize(
    "changed", [{"cvv": OTHER_CVV}, {"pan": "4111111111111111"}, {"exp_month": 11}, {"exp_year": 2032}]
)
async def test_other_card_data_is_another_request_and_no_try_of_it(
    client: Client, worker: Worker, changed: dict[str, Any]
) -> None:
    await pay(client, PRINTED)
    other = await pay(client, PRINTED | changed)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert len(worker.of(TOKENIZE)) == 1


async def test_card_data_and_its_id_are_different_requests(client: Client) -> None:
    await pay(client, {"id": "crd_1"})
    assert (await pay(client, PRINTED)).code == "idempotency_key_reused"


async def test_a_card_that_is_declined_is_a_payment_that_fails(client: Client, worker: Worker) -> None:
    worker.on(TOKENIZE, lambda _: Declined("The card was declined."))
    worker.on(PAYMENT, lambda _: Declined("The card was declined."))
    first = await pay(client, PRINTED)
    again = await pay(client, PRINTED)
    assert [one.status for one in (first, again)] == [402, 402]
    assert {one.code for one in (first, again)} == {"declined"}
    assert len(worker.of(TOKENIZE)) == 1
    assert cards(worker.of(PAYMENT)) == [{"declined": True}] * 2
    assert_kept_nowhere(worker, again)


async def test_too_many_tries_use_up_no_key(client: Client, worker: Worker) -> None:
    worker.on(TOKENIZE, lambda _: TooManyTries(retry_after_seconds=42))
    refused = await pay(client, PRINTED)
    assert (refused.status, refused.code) == (429, "too_many_tries")
    assert refused.headers["Retry-After"] == "42"
    assert worker.of(PAYMENT) == []
    worker.on(TOKENIZE, {"token": "tok_later", "expires_in": 300})
    assert (await pay(client, PRINTED)).status == 201


async def test_without_anybody_to_swap_it_nothing_is_said(start: Any, join: Any, worker: Worker) -> None:
    worker.silent.add(f"{TOKENIZE}.v1")
    async with start(call_timeout_seconds=0.2) as gateway:
        refused = await pay(join(gateway), PRINTED)
    assert (refused.status, refused.code) == (503, "busy")
    assert worker.of(PAYMENT) == []


@pytest.mark.parametrize(
    ("card", "pointer"),
    [
        ({}, "/card"),
        ({"id": "crd_1"} | PRINTED, "/card"),
        ({"pan": PAN, "cvv": CVV}, "/card"),
        (PRINTED | {"pan": "4242 4242 4242 4242"}, "/card/pan"),
        (PRINTED | {"cvv": 911}, "/card/cvv"),
        (PRINTED | {"exp_month": 13}, "/card/exp_month"),
        (PRINTED | {"token": "tok_1"}, "/card/token"),
        ({"token": "tok_1"}, "/card/token"),
        ({"declined": True}, "/card/declined"),
    ],
)
async def test_half_a_card_is_none(client: Client, worker: Worker, card: dict[str, Any], pointer: str) -> None:
    refused = await pay(client, card)
    assert (refused.status, refused.code) == (422, "validation_failed")
    assert pointer in {error["pointer"] for error in refused.json["errors"]}
    assert worker.of(PAYMENT) == worker.of(TOKENIZE) == []
    assert_kept_nowhere(worker, refused)
