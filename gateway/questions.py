"""Asks workers: queries and calls, which are answered in time or not at all."""

import asyncio
import time
from typing import Any

from contracts import ids, topology
from contracts.envelope import Caller, Envelope, encode
from contracts.message import Asked, Call
from gateway import problems
from gateway.publisher import Publisher

Word = dict[str, Any]
"""A `contracts.operations.Reply` as plain data: it is passed on, so nothing is gained by checking it again."""


class Questions:
    """What was asked and is not answered yet, by message id."""

    def __init__(
        self, publisher: Publisher, reply_to: str, *, query_timeout_seconds: float, call_timeout_seconds: float
    ) -> None:
        self._publisher = publisher
        self._reply_to = reply_to
        self._query_timeout_seconds = query_timeout_seconds
        self._call_timeout_seconds = call_timeout_seconds
        self._open: dict[str, asyncio.Future[Word | None]] = {}

    async def ask(
        self,
        message: Asked[Any],
        caller: Caller | None = None,
        *,
        request: str | None = None,
        traceparent: str | None = None,
        timeout_seconds: float | None = None,
    ) -> Word:
        """The workers' answer. Raises `Trouble` 503 where none came."""
        is_call = isinstance(message, Call)
        queue = topology.calls(message.domain) if is_call else topology.queries(message.domain)
        usual = self._call_timeout_seconds if is_call else self._query_timeout_seconds
        number = ids.new("msg")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Word | None] = loop.create_future()
        envelope = Envelope(
            number,
            message.wire_name,
            message,
            request=request,
            reply_to=self._reply_to,
            caller=caller,
            traceparent=traceparent,
            sent_at=time.time(),
        )

        def give_up(error: Exception | None = None) -> None:
            if error is not None and not answer.done():
                answer.set_result(None)

        self._open[number] = answer
        timer = loop.call_later(timeout_seconds or usual, give_up, TimeoutError())
        try:
            self._publisher.put(queue, encode(envelope), give_up, durable=False)
            word = await answer
        finally:
            timer.cancel()
            self._open.pop(number, None)
        if word is None:
            raise problems.busy()
        return word

    def heard(self, cause: str | None, word: Word) -> bool:
        """Take an answer; False if nobody here asked."""
        answer = self._open.pop(cause or "", None)
        if answer is None:
            return False
        if not answer.done():
            answer.set_result(word)
        return True

    def stop(self) -> None:
        """Let everybody go who waits for an answer: none will come."""
        for answer in self._open.values():
            if not answer.done():
                answer.set_result(None)
