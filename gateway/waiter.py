"""One request that waits for word of one operation."""

import asyncio

from contracts.bus import NotSent
from contracts.envelope import Caller
from gateway import problems
from gateway.problems import Trouble
from gateway.questions import Word

FINAL = frozenset({"succeeded", "failed"})


class Waiter:
    """Waits for the acceptance of a submission, or (if `patient`) for an operation's outcome.

    A submission trusts only the word on itself until it is accepted or `acceptance_wait` is over: the
    outcome of its operation may be another request's under a misused key.
    """

    __slots__ = (
        "_acceptance_wait", "_confirmed", "_loop", "_overdue", "_timer", "asking", "caller", "done", "known",
        "operation", "own", "patient", "repeat", "request", "since", "trusting",
    )  # fmt: skip

    def __init__(
        self,
        operation: str,
        caller: Caller | None,
        *,
        request: str | None = None,
        patient: bool = True,
        acceptance_wait_seconds: float = 0.0,
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._acceptance_wait = acceptance_wait_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._confirmed = False
        self._overdue = False
        self.operation = operation
        self.caller = caller
        self.request = request
        self.patient = patient
        self.since = loop.time()
        self.done: asyncio.Future[Trouble | None] = loop.create_future()
        self.known: Word | None = None
        self.own = False
        self.repeat = False
        self.trusting = request is None
        self.asking = False

    def patience(self, seconds: float) -> None:
        """End the waiting after this long."""
        self._timer = self._loop.call_later(seconds, self.late)

    def expects(self, request: str | None) -> bool:
        """Whether the submission `request` is still to be answered from here with its outcome."""
        return self.patient and request is not None and request == self.request and not self.done.done()

    def heard(self, word: Word, request: str | None) -> None:
        """Take word of the operation, which answers the submission `request`."""
        if request is not None and request == self.request:
            self.own = self.trusting = True
            self.repeat = word.get("request") not in (None, request)
        elif not self.trusting:
            if self._loop.time() < self.since + self._acceptance_wait:
                return
            self.trusting = True
        final = word["status"] in FINAL
        if final or self.known is None or self.known["status"] not in FINAL:
            self.known = word
        if final or (self.own and not self.patient):
            self._end(None)

    def told(self, error: Exception | None) -> None:
        """Hear how publishing the submission went; a worker's word is worth more."""
        if error is not None:
            if not self.own:
                self._end(problems.busy() if isinstance(error, NotSent) else problems.outcome_unknown())
            return
        self._confirmed = True
        if self._overdue:
            self._end(None)
        elif not self.patient and not self.done.done():
            self.patience(self._acceptance_wait)

    def late(self) -> None:
        """Time is up: end with what is known, but not before the submission is known to be durable."""
        if self.request is None or self._confirmed or self.own:
            self._end(None)
        self._overdue = True

    def leave(self) -> None:
        """Nobody waits any longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, trouble: Trouble | None) -> None:
        if not self.done.done():
            self.done.set_result(trouble)
