"""Callbacks of payment providers: passed on as they came, and taken only once a worker has made them durable."""

from contracts.callbacks import HearCallback
from contracts.envelope import Caller
from gateway import problems, response, validation
from gateway.edge import Route
from gateway.instance import Instance
from gateway.request import Request
from gateway.response import Response

SIGNED = (b"webhook-id", b"webhook-timestamp", b"webhook-signature")
"""The headers of the Standard Webhooks specification."""


async def hear(
    instance: Instance, request: Request, route: Route, _caller: Caller | None, path: dict[str, str]
) -> Response:
    """200 means that it is kept; 503 that the provider had better bring it again."""
    settings = instance.settings
    body = await request.body(settings.body_limit_bytes, settings.body_timeout_seconds)
    validation.none_expected(request.scope["query_string"])
    headers = {name.decode(): request.header(name) or "" for name in SIGNED if name in request.headers}
    # What is no UTF-8 can't have been signed as it arrives; the worker says so in the same words as of all else.
    told = {"headers": headers, "body": body.decode(errors="replace")} | path
    message = validation.told(HearCallback, told, path)
    word = await instance.questions.ask(
        message, Caller("", None, address=request.address), traceparent=request.traceparent
    )
    if word["status"] == "succeeded":
        return response.json(route.status, word["result"])
    if word["status"] == "failed":
        return response.refusal(word["problem"], request.instance)
    raise problems.busy()
