"""Sagas as data: fields are state, methods are steps, definition order is execution order.

`Progress` is the state machine. It is pure: replies in, commands out; no clock and no I/O.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from contracts.message import Command, DeadlineExceeded, Event, NotYet, OutcomeUnknown, Problem

StepKind = Literal["compensatable", "pivot", "retriable"]
NOT_YET = frozenset({NotYet.code(), OutcomeUnknown.code()})


class Step:
    """One step of a saga: a pure method that returns a command, or None to skip the step."""

    def __init__(self, kind: StepKind, action: Callable[[Any], Command[Any] | None]) -> None:
        self.kind = kind
        self.action = action
        self.name = action.__name__
        self.undoing: Callable[[Any], Command[Any]] | None = None
        self.learning: Callable[[Any, Any], Any] | None = None

    def __get__(self, saga: Any, owner: type[Any]) -> Any:
        return self if saga is None else self.action.__get__(saga)

    def undo[F: Callable[[Any], Command[Any]]](self, method: F) -> F:
        """The command that takes this step back: idempotent, and harmless before the step itself."""
        assert self.kind == "compensatable", f"{self.name}: only a compensatable step can be undone"
        self.undoing = method
        return method

    def learns[F: Callable[[Any, Any], Any]](self, method: F) -> F:
        """What the saga takes from the step's answer: `(self, view) -> Self`."""
        self.learning = method
        return method


def compensatable(action: Callable[[Any], Command[Any] | None]) -> Step:
    """A step before the point of no return."""
    return Step("compensatable", action)


def pivot(action: Callable[[Any], Command[Any] | None]) -> Step:
    """The point of no return: once sent, only its refusal leads back."""
    return Step("pivot", action)


def retriable(action: Callable[[Any], Command[Any] | None]) -> Step:
    """A step after the pivot: asked until it succeeds."""
    return Step("retriable", action)


KINDS: dict[str, "type[Saga]"] = {}
"""Every saga that this process knows, by name, whether it hosts it or not."""


class Saga(BaseModel):
    """A business process over several domains. It runs with the domain whose event starts it."""

    model_config = ConfigDict(frozen=True, extra="ignore", ignored_types=(Step,))

    starts_on: ClassVar[type[Event]]
    deadline: ClassVar[timedelta]
    finishes_with: ClassVar[str | None] = None
    """The step whose answer ends the operation, if that is not the last one; there must be no way back from it."""

    steps: ClassVar[tuple[Step, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        KINDS[cls.__name__] = cls
        cls.steps = tuple(step for step in vars(cls).values() if isinstance(step, Step))
        kinds = [step.kind for step in cls.steps]
        order = {"compensatable": 0, "pivot": 1, "retriable": 2}
        assert kinds == sorted(kinds, key=order.__getitem__), f"{cls.__name__}: undo before pivot before retry"
        assert kinds.count("pivot") <= 1, f"{cls.__name__}: one point of no return"

    @classmethod
    def begin(cls, event: Any) -> Self:
        """The initial state: the event's fields of the same names."""
        return cls.model_validate(event.__dict__)

    def on_failure(self, problem: Problem) -> Command[Any] | None:
        """What to say when everything has been undone."""
        del problem
        return None


class Phase(StrEnum):
    """Where a saga stands."""

    RUNNING = "running"
    UNDOING = "undoing"
    FAILING = "failing"
    COMPLETED = "completed"
    FAILED = "failed"
    STUCK = "stuck"


OPEN = frozenset({Phase.RUNNING, Phase.UNDOING, Phase.FAILING})


class Progress(NamedTuple):
    """A saga's state machine.

    `step` is the index of the step that is asked or undone (-1: neither); `tries` counts how often it was refused, so
    that each new question has an id of its own. `done` are the steps that were done, so that just these are undone.
    `problem` is why. `wait_seconds` is how long to wait before an answer that was not there yet is asked for again.
    """

    saga: Saga
    phase: Phase = Phase.RUNNING
    step: int = -1
    tries: int = 0
    problem: Problem | None = None
    done: tuple[int, ...] = ()
    wait_seconds: int | None = None
    asked: Command[Any] | None = None

    @property
    def awaited(self) -> str | None:
        """The name of the outstanding command, unique within the saga, or None when the saga has ended."""
        name = self._current().name if 0 <= self.step < len(self.saga.steps) else ""
        match self.phase:
            case Phase.RUNNING:
                pass
            case Phase.UNDOING:
                name = f"{name}:undo"
            case Phase.FAILING:
                name = "failure"
            case _:
                return None
        return name if self.tries == 0 else f"{name}:{self.tries}"

    def command(self) -> Command[Any] | None:
        """The outstanding command; the same on each call."""
        if self.asked is not None:
            return self.asked
        match self.phase:
            case Phase.RUNNING:
                return self._current().action(self.saga)
            case Phase.UNDOING:
                undoing = self._current().undoing
                assert undoing is not None
                return undoing(self.saga)
            case Phase.FAILING:
                assert self.problem is not None
                return self.saga.on_failure(self.problem)
            case _:
                return None

    def stored(self) -> dict[str, Any]:
        """What the database keeps of it."""
        steps = self.saga.steps
        return {
            "saga": self.saga,
            "phase": self.phase,
            # By name: another release may have other steps before it.
            "step": steps[self.step].name if self.step >= 0 else None,
            "tries": self.tries,
            "problem": self.problem,
            "done": [steps[index].name for index in self.done],
            "wait_seconds": self.wait_seconds,
        }

    @classmethod
    def restored(cls, saga: type[Saga], stored: dict[str, Any]) -> "Progress":
        """The state machine as it was stored. A step that there is no more can't be gone on from: `KeyError`."""
        problem = stored["problem"]
        # Older versions stored numbers.
        index = {key: number for number, step in enumerate(saga.steps) for key in (step.name, number)} | {
            None: -1,
            -1: -1,
        }
        return cls(
            saga.model_validate(stored["saga"]),
            Phase(stored["phase"]),
            index[stored["step"]],
            stored["tries"],
            None if problem is None else Problem.model_validate(problem),
            tuple(index[name] for name in stored["done"]),
            stored.get("wait_seconds"),
        )

    def start(self) -> "Progress":
        """The first step."""
        return self._forward(self.saga, ())

    def succeeded(self, view: Any) -> "Progress":
        """The outstanding command was done."""
        match self.phase:
            case Phase.RUNNING:
                learning = self._current().learning
                return self._forward(learning(self.saga, view) if learning else self.saga, (*self.done, self.step))
            case Phase.UNDOING:
                return self._backward()
            case Phase.FAILING:
                return self._ended(Phase.FAILED)
            case _:
                return self

    def refused(self, problem: Problem) -> "Progress":
        """The outstanding command was refused.

        A step up to the pivot: undo what came before. After the pivot, or `NotYet`: to be asked again, as a new
        question. An undo or the last word that is refused needs a person.
        """
        if self.phase is not Phase.RUNNING:
            return self._ended(Phase.STUCK) if self.phase in OPEN else self
        waits = problem.code in NOT_YET
        if waits or self._current().kind == "retriable":
            wait_seconds = problem.retry_after_seconds if waits else None
            return Progress(self.saga, self.phase, self.step, self.tries + 1, done=self.done, wait_seconds=wait_seconds)
        return Progress(self.saga, Phase.UNDOING, self.step, problem=problem, done=self.done)._backward()

    def overdue(self) -> "Progress":
        """The deadline has passed. Before the pivot: undo, including the step in flight. After: just ask again."""
        return self.undone(DeadlineExceeded().problem()) if self.reversible else self

    @property
    def reversible(self) -> bool:
        """Whether it stands before its pivot, so that it may be undone without asking anybody."""
        return self.phase is Phase.RUNNING and self._current().kind == "compensatable"

    def undone(self, problem: Problem) -> "Progress":
        """Undo what was done and what is in flight, for this reason; only while `reversible`."""
        assert self.reversible, "there is no way back any more"
        undoing = Progress(self.saga, Phase.UNDOING, self.step, problem=problem, done=self.done)
        return undoing if self._current().undoing else undoing._backward()

    def unstuck(self) -> "Progress":
        """Go on where it got stuck: the undo, or the last word, as a new question, for the old one has its answer."""
        assert self.phase is Phase.STUCK, "it is not stuck"
        phase = Phase.FAILING if self.step < 0 else Phase.UNDOING
        return self._replace(phase=phase, tries=self.tries + 1)

    @property
    def finished(self) -> bool:
        """Whether the step that ends the operation was done."""
        last = self.saga.finishes_with
        return last is not None and any(self.saga.steps[index].name == last for index in self.done)

    def _current(self) -> Step:
        return self.saga.steps[self.step]

    def _forward(self, saga: Saga, done: tuple[int, ...]) -> "Progress":
        for index in range(self.step + 1, len(saga.steps)):
            command = saga.steps[index].action(saga)
            if command is not None:
                return Progress(saga, Phase.RUNNING, index, done=done, asked=command)
        return Progress(saga, Phase.COMPLETED, self.step, done=done)

    def _backward(self) -> "Progress":
        for index in range(self.step - 1, -1, -1):
            step = self.saga.steps[index]
            if step.undoing is not None and index in self.done:
                return Progress(self.saga, Phase.UNDOING, index, problem=self.problem, done=self.done)
        assert self.problem is not None
        failing = Progress(self.saga, Phase.FAILING, problem=self.problem)
        return failing if self.saga.on_failure(self.problem) is not None else failing._ended(Phase.FAILED)

    def _ended(self, phase: Phase) -> "Progress":
        return Progress(self.saga, phase, self.step, self.tries, self.problem, self.done)
