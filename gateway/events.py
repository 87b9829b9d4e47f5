"""An operation as server-sent events: its state now, heartbeats, its outcome, the end."""

import asyncio
from collections.abc import AsyncIterator

from pydantic_core import to_json

from contracts.envelope import Caller
from gateway import reveals, validation
from gateway.answers import operation_view
from gateway.edge import Route
from gateway.instance import Instance
from gateway.problems import Header, Trouble
from gateway.questions import Word
from gateway.request import Request
from gateway.response import Response

EVENT_STREAM: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    # Proxies that buffer would hold the events back.
    (b"x-accel-buffering", b"no"),
)
HEARTBEAT = b": waiting\n\n"


async def stream(
    instance: Instance, request: Request, route: Route, caller: Caller | None, path: dict[str, str]
) -> Response:
    """Stream an operation until its outcome; a client whose stream ends earlier connects again."""
    assert caller is not None, "operations belong to somebody"
    message = validation.question(route.message, request.scope["query_string"], path, route.rules)
    name: str = message.operation_id  # type: ignore[attr-defined]
    words = _words(instance, name, caller)
    # The first word is awaited here, so that what is not found is a 404 and no stream.
    first = await anext(words)
    events = _events(name, first, words, instance.settings.events_max_seconds)
    return Response(200, b"", EVENT_STREAM, stream=events)


async def _words(instance: Instance, name: str, caller: Caller) -> AsyncIterator[Word]:
    async for word in instance.operations.follow(name, caller, instance.settings.events_heartbeat_seconds):
        yield await reveals.shown(instance.questions, name, word, caller)


async def _events(name: str, first: Word, words: AsyncIterator[Word], seconds_max: float) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n" + _event(name, first)
    said = first["status"]
    ends_at = asyncio.get_running_loop().time() + seconds_max
    try:
        async for word in words:
            yield _event(name, word) if word["status"] != said else HEARTBEAT
            said = word["status"]
            if asyncio.get_running_loop().time() >= ends_at:
                return
    except Trouble:
        # The workers are away: the client's next connection is told so properly.
        return


def _event(name: str, word: Word) -> bytes:
    data = to_json(operation_view(name, word))
    return b"event: operation\ndata: " + data + b"\n\n"
