"""Sends a response, with what every response carries, and ends the connection gently where a body was left unread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from gateway.problems import Header
from gateway.protocol import CYCLE
from gateway.request import Request, Send
from gateway.response import NO_CONTENT, Response

LINGER_SECONDS = 2.0
LINGER_BYTES = 4 * 1024 * 1024


async def send_response(request: Request, response: Response, cors: tuple[Header, ...], send: Send) -> None:
    """Send it all."""
    headers = [*response.headers, *request.quota, *cors, (b"x-request-id", request.shown_id.encode())]
    if response.stream is not None:
        await _stream(request, response, [*headers, *response.common], send)
        return
    if response.status != NO_CONTENT:
        headers.append((b"content-length", b"%d" % len(response.body)))
    if request.drained and (cycle := request.scope.get(CYCLE)) and cycle.writable:
        cycle.respond(response.status, headers, response.common, response.body)
        return
    headers += response.common
    if not request.drained:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if not request.drained:
        await _linger(request, response.body, send)
    else:
        await send({"type": "http.response.body", "body": response.body})


async def _linger(request: Request, body: bytes, send: Send) -> None:
    # Closing while the client still sends would reset the connection, and it would never read our answer.
    await send({"type": "http.response.body", "body": body, "more_body": True})
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b""})


async def _stream(request: Request, response: Response, headers: list[Header], send: Send) -> None:
    assert response.stream is not None, "only streams are streamed"
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    gone = asyncio.create_task(_gone(request))
    try:
        if request.method != "HEAD":
            await _until_gone(response.stream, gone, send)
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _until_gone(stream: AsyncIterator[bytes], gone: asyncio.Task[None], send: Send) -> None:
    async with aclosing(stream) as parts:  # type: ignore[type-var]
        while True:
            part = asyncio.ensure_future(anext(parts, None))
            await asyncio.wait((part, gone), return_when=asyncio.FIRST_COMPLETED)
            if not part.done():
                part.cancel()
                with suppress(asyncio.CancelledError):
                    await part
                return
            if part.result() is None:
                return
            await send({"type": "http.response.body", "body": part.result(), "more_body": True})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
