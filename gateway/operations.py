"""Operations: submits commands, and brings each answer home to whoever waits for it."""

import asyncio
import math
from collections.abc import AsyncIterator

from contracts.envelope import Caller, Envelope, encode
from contracts.operations import GetOperation
from gateway import problems
from gateway.idempotency import OperationIds
from gateway.outcomes import UNKNOWN_TYPE, Outcomes, pending
from gateway.problems import Trouble
from gateway.publisher import Publisher
from gateway.questions import Questions, Word
from gateway.waiter import FINAL, Waiter

UNCHECKED_MAX = 10_000
QUICK_LOOK_SECONDS = 1.0


class Operations:
    """Waiters by operation, and the three ways in which they hear: replies, Redis, and asking again."""

    def __init__(
        self,
        publisher: Publisher,
        questions: Questions,
        outcomes: Outcomes,
        ids: OperationIds,
        *,
        acceptance_wait_seconds: float,
    ) -> None:
        self._publisher = publisher
        self._questions = questions
        self._outcomes = outcomes
        self._ids = ids
        self._acceptance_wait_seconds = acceptance_wait_seconds
        self._waiters: dict[str, list[Waiter]] = {}
        self._unchecked: dict[str, Word] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self.draining = False

    @property
    def waiting(self) -> int:
        """How many requests wait now."""
        return sum(map(len, self._waiters.values()))

    async def submit(self, queue: str, command: Envelope, wait_seconds: float) -> Waiter:
        """Publish a command and wait: for its acceptance, or up to `wait_seconds` for its outcome.

        Its id is its operation's. Raises `Trouble` 503 `busy` (certainly not taken) or `outcome_unknown`.
        """
        patient = wait_seconds > 0 and not self.draining
        waiter = Waiter(
            command.id,
            command.caller,
            request=command.request,
            patient=patient,
            acceptance_wait_seconds=self._acceptance_wait_seconds,
        )
        self._attend(waiter)
        try:
            self._publisher.put(queue, encode(command), waiter.told, durable=True)
            if patient:
                waiter.patience(wait_seconds)
            trouble = await waiter.done
        finally:
            self._leave(waiter)
        if trouble is not None:
            raise trouble
        if waiter.known is None:
            waiter.known = await self._remember_unchecked(command)
        return waiter

    async def look(self, operation: str, caller: Caller, wait_seconds: float = 0) -> Word:
        """What is known of an operation, after waiting for its outcome. Raises `Trouble` 404, 503."""
        given = self._ids.given_to(operation, caller.principal)
        # Until the workers say that it is the caller's own, an unknown id is told nothing.
        waiter = Waiter(operation, caller, acceptance_wait_seconds=math.inf)
        waiter.trusting = given or caller.oversees
        self._attend(waiter)
        try:
            word = await self._find(operation, caller, given=given)
            if word["status"] in FINAL or wait_seconds <= 0 or self.draining:
                return word
            waiter.trusting = True
            waiter.known = waiter.known or word
            waiter.patience(wait_seconds)
            await waiter.done
            return waiter.known
        finally:
            self._leave(waiter)

    async def known(self, operation: str, caller: Caller) -> bool:
        """Whether the workers have it already; "no" where they don't answer soon."""
        question = GetOperation(operation_id=operation)
        try:
            answer = await self._questions.ask(question, caller, timeout_seconds=QUICK_LOOK_SECONDS)
        except Trouble:
            return False
        return bool(answer["status"] == "succeeded")

    async def follow(self, operation: str, caller: Caller, pause_seconds: float) -> AsyncIterator[Word]:
        """What is known of an operation now and after each pause, until its outcome, which comes at once."""
        word = await self.look(operation, caller)
        yield word
        while word["status"] not in FINAL and not self.draining:
            word = await self.look(operation, caller, pause_seconds)
            yield word

    def heard(self, envelope: Envelope) -> None:
        """Take a reply from the workers."""
        operation, word = envelope.operation, envelope.body
        if operation is None or not isinstance(word, dict):
            return
        misused = (word.get("problem") or {}).get("code") == "idempotency_key_reused"
        answered = False
        for waiter in tuple(self._waiters.get(operation, ())):
            # A misused key is the fault of one request, not the outcome of the operation.
            if not misused or waiter.request == envelope.request:
                answered |= waiter.expects(envelope.request)
                waiter.heard(word, envelope.request)
        if word["status"] in FINAL and not misused:
            self._unchecked.pop(operation, None)
            # Who has it in hand hardly polls for it, and most have.
            self._outcomes.keep(operation, None if answered else word)

    def wanted(self, operation: str) -> bool:
        """Whether anybody here waits for it."""
        return operation in self._waiters

    def tell(self, operation: str, word: Word | None) -> None:
        """Take an outcome that another gateway heard; one that it did not keep is asked for."""
        for waiter in tuple(self._waiters.get(operation, ())):
            if word is None:
                self._begin_to_ask(waiter)
            else:
                waiter.heard(word, None)

    def ask_again(self, *, older_than_seconds: float = 0.0) -> None:
        """Ask the workers for every waiter that has waited this long and is not asking yet."""
        before = asyncio.get_running_loop().time() - older_than_seconds
        for waiters in self._waiters.values():
            for waiter in waiters:
                if waiter.since <= before:
                    self._begin_to_ask(waiter)

    async def ask_for_ever(self, every_seconds: float) -> None:
        """Ask again and again."""
        while True:
            await asyncio.sleep(every_seconds)
            self.ask_again(older_than_seconds=every_seconds)

    def drain(self) -> None:
        """Let everybody who waits go with what is known."""
        self.draining = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.late()

    def _begin_to_ask(self, waiter: Waiter) -> None:
        if not waiter.asking:
            waiter.asking = True
            task = asyncio.create_task(self._ask(waiter))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, waiter: Waiter) -> None:
        question = GetOperation(operation_id=waiter.operation)
        try:
            word = await self._questions.ask(question, waiter.caller)
        except Trouble:
            return
        finally:
            waiter.asking = False
        if word["status"] == "succeeded" and word["result"] and not waiter.done.done():
            waiter.heard(word["result"], None)

    async def _find(self, operation: str, caller: Caller, *, given: bool) -> Word:
        if (given or caller.oversees) and (kept := await self._outcomes.find(operation)):
            return kept
        timeout_seconds = QUICK_LOOK_SECONDS if given else None
        try:
            question = GetOperation(operation_id=operation)
            answer = await self._questions.ask(question, caller, timeout_seconds=timeout_seconds)
        except Trouble:
            if not given:
                raise
            return await self._unanswered(operation)
        if answer["status"] == "succeeded" and answer["result"]:
            return dict(answer["result"])
        if given:
            return await self._unanswered(operation)
        raise problems.not_found()

    async def _unanswered(self, operation: str) -> Word:
        # The id is ours, so a submission was taken; the workers have not got to it yet.
        noted = self._unchecked.get(operation) or await self._outcomes.noted(operation)
        return noted or pending(UNKNOWN_TYPE)

    async def _remember_unchecked(self, command: Envelope) -> Word:
        word = pending(command.type, command.sent_at)
        if len(self._unchecked) >= UNCHECKED_MAX:
            self._unchecked.pop(next(iter(self._unchecked)))
        self._unchecked[command.id] = word
        await self._outcomes.note(command.id, word)
        return word

    def _attend(self, waiter: Waiter) -> None:
        self._waiters.setdefault(waiter.operation, []).append(waiter)

    def _leave(self, waiter: Waiter) -> None:
        waiter.leave()
        waiters = self._waiters[waiter.operation]
        waiters.remove(waiter)
        if not waiters:
            del self._waiters[waiter.operation]
