"""Raw card data at the checkout: swapped for a token at the edge, so that nothing durable ever holds it."""

from typing import Any

from contracts import ids
from contracts.cards import TokenizeCard
from contracts.envelope import Caller
from contracts.message import Kind
from contracts.payments import CheckoutCard, PaymentCard, PaymentOrder, RequestPayment
from gateway import problems
from gateway.instance import Instance
from gateway.request import Request


async def swapped(
    instance: Instance, request: Request, caller: Caller, operation: str, order: PaymentOrder
) -> tuple[RequestPayment, RequestPayment]:
    """The command for an order, and what its fingerprint is taken of: the same card data is the same request.

    A token is another one each time, so the fingerprint knows the data by a keyed digest; and a repeat swaps nothing,
    for that would be another try of the CVV. Raises `Trouble` where the swap is refused for now.
    """
    card = order.card
    if card.id is not None:
        command = _command(order, PaymentCard(id=card.id))
        return command, command
    known = _command(order, PaymentCard(token=_digest(instance, card)))
    if await instance.operations.known(operation, caller):
        # Its card was asked for the first time; should that be forgotten, this pays with none.
        return _command(order, PaymentCard(declined=True)), known
    return _command(order, await _tokenized(instance, request, caller, card)), known


async def _tokenized(instance: Instance, request: Request, caller: Caller, card: CheckoutCard) -> PaymentCard:
    call = TokenizeCard.model_validate(card.model_dump(exclude={"id"}))
    word = await instance.questions.ask(call, caller, request=request.id, traceparent=request.traceparent)
    if word["status"] == "succeeded":
        return PaymentCard(token=word["result"]["token"])
    problem: dict[str, Any] = word["problem"]
    if problem["kind"] == Kind.MONEY:
        return PaymentCard(declined=True)
    raise problems.refused(problem)


def _digest(instance: Instance, card: CheckoutCard) -> str:
    printed = (card.pan, card.cvv, card.exp_month, card.exp_year)
    return f"tok_{ids.text(instance.ids.digest(*map(str, printed)))}"


def _command(order: PaymentOrder, card: PaymentCard) -> RequestPayment:
    return RequestPayment.model_validate(order.__dict__ | {"card": card})
