"""How each kind of message is answered over HTTP: commands, calls, queries, operations."""

import time
from collections.abc import Sequence
from typing import Any

from contracts.envelope import Caller, Envelope
from gateway import idempotency, preferences, problems, response, reveals, statement, validation, versions
from gateway.edge import Endpoint, Kind, Route
from gateway.instance import Instance
from gateway.outcomes import UNKNOWN_TYPE, pending
from gateway.problems import Header, Trouble
from gateway.questions import Word
from gateway.request import Request
from gateway.response import NO_CONTENT, Response
from gateway.waiter import FINAL, Waiter

MISUSED = "idempotency_key_reused"
REPLAYED: Header = (b"idempotency-replayed", b"true")
RETRY_AFTER: Header = (b"retry-after", str(problems.RETRY_AFTER_SECONDS).encode())


async def command(
    instance: Instance, request: Request, route: Route, caller: Caller | None, path: dict[str, str]
) -> Response:
    """Submit a command; answer with its outcome, or 202 while it has none."""
    assert caller is not None, "commands need somebody who says them"
    submission = await _submission(instance, request, route, caller, path)
    prefer = preferences.parse(request.headers.get(b"prefer"))
    settings = instance.settings
    usual_seconds = 0 if route.money else settings.default_wait_seconds
    wait_seconds, applied = preferences.patience(prefer, usual_seconds, settings.max_wait_seconds)
    waiter = await instance.operations.submit(route.queue, submission, wait_seconds)
    headers = (*applied, REPLAYED) if waiter.repeat else applied
    word = waiter.known
    assert word is not None, "a submission ends with trouble or with word"
    if word["status"] == "failed" and word["problem"]["code"] == MISUSED:
        return response.refusal(word["problem"], request.instance, applied)
    may_finish = wait_seconds > 0 or (waiter.repeat and prefer.wait_seconds is not None)
    try:
        word = await reveals.shown(instance.questions, submission.id, word, caller)
    except Trouble:
        # It is done all the same; whoever polls is shown what can't be shown now.
        may_finish = False
    if word["status"] in FINAL and may_finish:
        return _finished(route, path, waiter, word, headers)
    return _accepted(waiter, pending(submission.type, submission.sent_at) | word, headers)


async def _submission(
    instance: Instance, request: Request, route: Route, caller: Caller, path: dict[str, str]
) -> Envelope:
    settings = instance.settings
    body = await request.body(settings.body_limit_bytes, settings.body_timeout_seconds)
    key = idempotency.key_of(request.header(b"idempotency-key"))
    if key is None and route.money:
        raise problems.key_missing()
    message: Any = validation.message(route.said, body, path)
    meant = message
    validation.none_expected(request.scope["query_string"])
    if route.grants is not None and not request.permissions.issuperset(getattr(message, route.grants)):
        raise problems.grant_denied()
    if route.versioned and b"if-match" in request.headers:
        message = versions.matching(message, request.headers[b"if-match"])
    operation = instance.ids.derive(caller.principal, key or idempotency.unkeyed())
    if route.swap is not None:
        message, meant = await route.swap(instance, request, caller, operation, message)
    return Envelope(
        operation,
        message.wire_name,
        message,
        operation=operation,
        request=request.id,
        fingerprint=instance.ids.fingerprint(meant, route.maps),
        reply_to=instance.reply_to,
        caller=caller,
        traceparent=request.traceparent,
        sent_at=time.time(),
    )


def _finished(route: Route, path: dict[str, str], waiter: Waiter, word: Word, headers: Sequence[Header]) -> Response:
    if word["status"] == "failed":
        return response.refusal(word["problem"], _location(waiter.operation), headers)
    if route.status == NO_CONTENT:
        return Response(NO_CONTENT, b"", headers)
    return _shown(route, path, word["result"], headers)


def _shown(route: Route, path: dict[str, str], result: Any, headers: Sequence[Header] = ()) -> Response:
    """A thing, with its version, and the place where a new one is found."""
    if route.collection is not None and "id" in result:
        headers = [(b"location", f"{route.collection.format(**path)}/{result['id']}".encode()), *headers]
    if route.versioned:
        headers = [versions.etag(result), *headers]
    return response.json(route.status, result, headers)


def _accepted(waiter: Waiter, word: Word, headers: Sequence[Header]) -> Response:
    location = _location(waiter.operation)
    view = operation_view(waiter.operation, word)
    if not waiter.repeat:
        # What is answered is the acceptance, whatever has become of it meanwhile.
        status = view["status"] if view["status"] not in FINAL else "pending"
        view = {"id": view["id"], "type": view["type"], "status": status, "created_at": view["created_at"]}
    return response.json(202, view, [(b"location", location.encode()), RETRY_AFTER, *headers])


async def call(
    instance: Instance, request: Request, route: Route, caller: Caller | None, path: dict[str, str]
) -> Response:
    """Pass on a call and its answer; there is no operation."""
    settings = instance.settings
    body = await request.body(settings.body_limit_bytes, settings.body_timeout_seconds)
    message = validation.message(route.message, body, path)
    validation.none_expected(request.scope["query_string"])
    caller = caller or Caller("", None, address=request.address, request=request.named_id, device=request.device)
    word = await instance.questions.ask(message, caller, request=request.id, traceparent=request.traceparent)
    return _answered(request, route, word)


async def query(
    instance: Instance, request: Request, route: Route, caller: Caller | None, path: dict[str, str]
) -> Response:
    """Pass on a question and its answer."""
    message = validation.question(route.message, request.scope["query_string"], path, route.rules)
    word = await instance.questions.ask(message, caller, traceparent=request.traceparent)
    if route.csv and word["status"] == "succeeded":
        return statement.answer(request, word["result"])
    return _answered(request, route, word)


async def operation(
    instance: Instance, request: Request, route: Route, caller: Caller | None, path: dict[str, str]
) -> Response:
    """Answer where an operation stands, after waiting for its outcome if the caller prefers so."""
    assert caller is not None, "operations belong to somebody"
    message = validation.question(route.message, request.scope["query_string"], path, route.rules)
    prefer = preferences.parse(request.headers.get(b"prefer"))
    wait_seconds, applied = preferences.patience(prefer, 0, instance.settings.max_wait_seconds)
    name = message.operation_id  # type: ignore[attr-defined]
    word = await instance.operations.look(name, caller, wait_seconds)
    word = await reveals.shown(instance.questions, name, word, caller)
    headers = applied if word["status"] in FINAL else [RETRY_AFTER, *applied]
    return response.json(200, operation_view(name, word), headers)


async def signing_keys(
    instance: Instance, request: Request, _route: Route, _caller: Caller | None, _path: dict[str, str]
) -> Response:
    """Publish the keys that verify access tokens; known here, so no worker is asked."""
    validation.none_expected(request.scope["query_string"])
    if instance.keys.document is None:
        raise problems.busy()
    answer = response.json(200, instance.keys.document)
    answer.common = response.CACHEABLE
    return answer


def _answered(request: Request, route: Route, word: Word) -> Response:
    if word["status"] == "succeeded":
        return Response(NO_CONTENT) if route.status == NO_CONTENT else _shown(route, {}, word["result"])
    if word["status"] == "failed":
        return response.refusal(word["problem"], request.instance)
    raise problems.busy()


def operation_view(name: str, word: Word) -> dict[str, Any]:
    """An operation as callers see it."""
    problem = word.get("problem")
    return {
        "id": name,
        "type": reveals.VERSION.sub("", word.get("type") or UNKNOWN_TYPE),
        "status": word["status"],
        "created_at": word.get("created_at"),
        "completed_at": word.get("completed_at"),
        "result": word.get("result"),
        "problem": problems.of_refusal(problem, _location(name)) if problem else None,
    }


def _location(name: str) -> str:
    return f"/v1/operations/{name}"


ENDPOINTS: dict[Kind, Endpoint] = {"command": command, "call": call, "query": query}
