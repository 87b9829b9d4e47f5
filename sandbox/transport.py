"""How answers travel when a script wants them late, broken or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, override

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.problems import ProblemError
from sandbox.scripts import Answer

CONNECTION = "sandbox.connection"
"""The key of an ASGI scope under which the connection is."""

GARBAGE = b'{"id": "chg_", "status": <<<'


class Protocol(HttpToolsProtocol):
    """uvicorn's own, which lets an endpoint reset its connection."""

    @override
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        scope: Any = self.scope
        scope[CONNECTION] = self.transport


async def travel(request: Request, answer: Response, how: Answer, slow_seconds: float) -> Response:
    """The answer as the script wants it to arrive."""
    match how:
        case "slow":
            # Only a shutdown out of patience cancels this: the answer is known, so it goes out at once.
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(slow_seconds)
        case "lost":
            return reset(request)
        case "garbage":
            return Response(GARBAGE, answer.status_code, media_type=answer.media_type)
        case "error":
            raise ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Scripted failure: it is stored.")
        case "trickle":
            return StreamingResponse(
                _drops(bytes(answer.body), slow_seconds), answer.status_code, media_type=answer.media_type
            )
        case _:
            pass
    return answer


def reset(request: Request) -> Response:
    """Cut the connection off; what is answered then, nobody reads."""
    connection = request.scope.get(CONNECTION)
    if connection is not None:
        connection.abort()
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _drops(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for byte in body:
        yield bytes((byte,))
        await asyncio.sleep(seconds / len(body))
