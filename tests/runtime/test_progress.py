"""The state machine of sagas, without I/O: every transition, and any interleaving."""

from datetime import timedelta
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from contracts.message import Command, Event, NotYet, OutcomeUnknown, Problem
from tests.runtime.said.bank import AccountView, TooLittle
from workers.runtime.saga import OPEN, Phase, Progress, Saga, compensatable, pivot, retriable

REFUSED = TooLittle().problem()


class Begun(Event):
    """It begins."""

    skip: bool = False
    silent: bool = False


class Do(Command[AccountView]):
    """A step."""

    internal = True
    what: str


class Undo(Do):
    """Back."""


class Journey(Saga):
    """Two steps there, one without a way back, the point of no return, two more."""

    starts_on = Begun
    deadline = timedelta(minutes=1)

    skip: bool
    silent: bool
    learned: str = ""

    @compensatable
    def one(self) -> Do:
        return Do(what="one")

    @one.undo
    def undo_one(self) -> Undo:
        return Undo(what="one")

    @one.learns
    def learn(self, view: AccountView) -> Self:
        return self.model_copy(update={"learned": view.id})

    @compensatable
    def look(self) -> Do:
        return Do(what=f"look {self.learned}")

    @compensatable
    def two(self) -> Do | None:
        return None if self.skip else Do(what="two")

    @two.undo
    def undo_two(self) -> Undo:
        return Undo(what="two")

    @two.learns
    def forget(self, _view: AccountView) -> Self:
        """From here on the step would be skipped; it was done all the same."""
        return self.model_copy(update={"skip": True})

    @pivot
    def leap(self) -> Do:
        return Do(what="leap")

    @retriable
    def three(self) -> Do:
        return Do(what="three")

    @retriable
    def four(self) -> Do:
        return Do(what="four")

    def on_failure(self, problem: Problem) -> Do | None:
        return None if self.silent else Do(what=f"fail {problem.code}")


VIEW = AccountView(id="x")


def begin(**fields: Any) -> Progress:
    return Progress(Journey.begin(Begun(**fields))).start()


def at(step: str, **fields: Any) -> Progress:
    progress = begin(**fields)
    while progress.awaited != step:
        progress = progress.succeeded(VIEW)
    return progress


def said(progress: Progress) -> tuple[str | None, str]:
    command = progress.command()
    return progress.awaited, "" if command is None else f"{type(command).__name__} {command.what}"  # type: ignore[attr-defined]


def walk(progress: Progress) -> list[str]:
    seen = []
    while progress.phase in OPEN:
        seen.append(said(progress)[1])
        progress = progress.succeeded(VIEW)
    return [*seen, progress.phase]


def test_all_goes_well() -> None:
    assert walk(begin()) == ["Do one", "Do look x", "Do two", "Do leap", "Do three", "Do four", "completed"]


def test_a_step_that_says_nothing_is_skipped_and_never_undone() -> None:
    assert "Do two" not in walk(begin(skip=True))
    assert walk(at("leap", skip=True).refused(REFUSED)) == ["Undo one", "Do fail too_little", "failed"]


def test_what_was_done_is_undone_in_reverse_whatever_was_learned_since() -> None:
    assert walk(at("leap").refused(REFUSED)) == ["Undo two", "Undo one", "Do fail too_little", "failed"]


@pytest.mark.parametrize(
    ("step", "undone"),
    [("one", []), ("look", ["Undo one"]), ("two", ["Undo one"]), ("leap", ["Undo two", "Undo one"])],
)
def test_a_refused_step_is_not_undone_itself(step: str, undone: list[str]) -> None:
    assert walk(at(step).refused(REFUSED)) == [*undone, "Do fail too_little", "failed"]


@pytest.mark.parametrize(
    ("step", "undone"), [("one", ["Undo one"]), ("look", ["Undo one"]), ("two", ["Undo two", "Undo one"])]
)
def test_the_deadline_undoes_the_step_in_flight_too(step: str, undone: list[str]) -> None:
    assert walk(at(step).overdue()) == [*undone, "Do fail deadline_exceeded", "failed"]


@pytest.mark.parametrize("step", ["leap", "three", "four"])
def test_the_deadline_changes_nothing_from_the_pivot_on(step: str) -> None:
    progress = at(step)
    assert progress.overdue() is progress


def test_nor_while_undoing_or_when_it_is_over() -> None:
    for progress in (at("two").refused(REFUSED), at("one").refused(REFUSED), at("four").succeeded(VIEW)):
        assert progress.overdue() is progress


def test_after_the_pivot_a_refusal_makes_a_new_question() -> None:
    progress = at("three")
    for tries in range(1, 4):
        progress = progress.refused(REFUSED)
        assert said(progress) == (f"three:{tries}", "Do three")
    assert walk(progress) == ["Do three", "Do four", "completed"]
    assert progress.succeeded(VIEW).awaited == "four", "the count starts again"


def test_a_refused_undo_or_last_word_needs_a_person() -> None:
    for progress in (at("two").refused(REFUSED), at("one").refused(REFUSED)):
        stuck = progress.refused(REFUSED)
        assert (stuck.phase, stuck.awaited, stuck.command()) == (Phase.STUCK, None, None)


def test_without_a_last_word_it_just_fails() -> None:
    assert walk(at("leap", silent=True).refused(REFUSED)) == ["Undo two", "Undo one", "failed"]
    assert walk(begin(silent=True).refused(REFUSED)) == ["failed"]


@pytest.mark.parametrize("ended", [at("four").succeeded(VIEW), at("one", silent=True).refused(REFUSED)])
def test_what_is_over_stays_over(ended: Progress) -> None:
    assert ended.succeeded(VIEW) is ended
    assert ended.refused(REFUSED) is ended
    assert (ended.awaited, ended.command()) == (None, None)


def test_steps_are_in_order() -> None:
    with pytest.raises(AssertionError, match="undo before pivot before retry"):

        class _Wrong(Saga):
            @retriable
            def first(self) -> Do:
                return Do(what="")

            @pivot
            def second(self) -> Do:
                return Do(what="")

    with pytest.raises(AssertionError, match="one point of no return"):

        class _Two(Saga):
            @pivot
            def first(self) -> Do:
                return Do(what="")

            @pivot
            def second(self) -> Do:
                return Do(what="")

    with pytest.raises(AssertionError, match="only a compensatable step"):
        pivot(Journey.leap.action).undo(lambda _self: Do(what=""))


class World:
    """Those who are asked: they do everything once, remember it, and tolerate an undo before its deed."""

    def __init__(self) -> None:
        self.done: dict[str, str] = {}
        self.answers: dict[str, bool] = {}

    def ask(self, name: str, command: Do, *, willing: bool) -> bool:
        """Whether it was done; the same question has the same answer."""
        if name not in self.answers:
            self.answers[name] = self._decide(command, willing=willing)
        return self.answers[name]

    def _decide(self, command: Do, *, willing: bool) -> bool:
        if isinstance(command, Undo):
            self.done[command.what] = "undone"
            return True
        if command.what.startswith("fail"):
            return True
        if not willing or self.done.get(command.what) == "undone":
            return False
        assert command.what not in self.done, "done twice"
        self.done[command.what] = "done"
        return True


class Post:
    """Carries questions and answers as chance will have it."""

    def __init__(self, data: st.DataObject) -> None:
        self.world, self.progress = World(), begin()
        self._draw = data.draw
        self._asked: list[tuple[str, Do]] = []
        self._answers: list[tuple[str, bool]] = []

    def move(self) -> None:
        """One thing happens."""
        moves = [self._ask, self._deadline] + [self._carry] * 3 * bool(self._asked)
        self._draw(st.sampled_from(moves + [self._answer] * 3 * bool(self._answers)))()

    def finish(self) -> None:
        """From now on all goes well; what was still under way arrives last."""
        while self.progress.phase in OPEN:
            name, command = self._question()
            self._hear(name, done=self.world.ask(name, command, willing=True))
        for question in self._asked:
            self.world.ask(*question, willing=True)

    def _ask(self) -> None:
        self._asked.append(self._question())

    def _deadline(self) -> None:
        self.progress = self.progress.overdue()

    def _carry(self) -> None:
        question = self._asked.pop(self._draw(st.integers(0, len(self._asked) - 1)))
        self._answers.append((question[0], self.world.ask(*question, willing=self._draw(st.integers(0, 4)) > 0)))

    def _answer(self) -> None:
        name, done = self._answers.pop(self._draw(st.integers(0, len(self._answers) - 1)))
        if self._draw(st.booleans()):
            self._answers.append((name, done))
        self._hear(name, done=done)

    def _question(self) -> tuple[str, Do]:
        name, command = self.progress.awaited, self.progress.command()
        assert name is not None
        assert isinstance(command, Do)
        return name, command

    def _hear(self, name: str, *, done: bool) -> None:
        if name == self.progress.awaited:
            self.progress = self.progress.succeeded(VIEW) if done else self.progress.refused(REFUSED)


@given(st.data())
def test_any_interleaving_ends_with_everything_done_or_everything_undone(data: st.DataObject) -> None:
    """Questions are lost, delayed and copied; answers are delayed and copied; timers ask again; the deadline comes."""
    post = Post(data)
    for _ in range(400):
        if post.progress.phase not in OPEN:
            break
        post.move()
    post.finish()
    done = post.world.done
    if post.progress.phase is Phase.COMPLETED:
        assert done == dict.fromkeys(("one", "look x", "two", "leap", "three", "four"), "done")
    else:
        assert post.progress.phase is Phase.FAILED
        assert {done[what] for what in ("one", "two") if what in done} <= {"undone"}
        assert "leap" not in done


@given(st.lists(st.sampled_from(["succeeded", "refused", "overdue"]), max_size=30))
def test_its_state_survives_the_database(moves: list[str]) -> None:
    progress = begin()
    for move in moves:
        match move:
            case "succeeded":
                progress = progress.succeeded(VIEW)
            case "refused":
                progress = progress.refused(REFUSED)
            case _:
                progress = progress.overdue()
        again = Progress.restored(Journey, from_json(to_json(progress.stored())))
        assert again.stored() == progress.stored()
        assert (again.awaited, again.command()) == (progress.awaited, progress.command())


def test_what_was_stuck_asks_its_undo_as_a_new_question() -> None:
    stuck = _stuck_undo()
    again = stuck.unstuck()
    assert (again.phase, again.awaited) == (Phase.UNDOING, "two:undo:1")
    assert again.command() == Undo(what="two")
    assert again.succeeded(None).awaited == "one:undo", "and goes on to what was done before"
    assert again.refused(REFUSED).unstuck().awaited == "two:undo:2"


def test_what_was_stuck_says_its_last_word_as_a_new_question() -> None:
    failing = _stuck_undo().unstuck().succeeded(None).succeeded(None)
    assert (failing.phase, failing.awaited) == (Phase.FAILING, "failure")
    again = _restored(failing.refused(REFUSED)).unstuck()
    assert (again.phase, again.awaited) == (Phase.FAILING, "failure:1")
    assert again.succeeded(None).phase is Phase.FAILED


def _stuck_undo() -> Progress:
    started = Progress(Journey(skip=False, silent=False)).start()
    leaping = started.succeeded(VIEW).succeeded(VIEW).succeeded(VIEW)
    return _restored(leaping.refused(REFUSED).refused(REFUSED))


def _restored(progress: Progress) -> Progress:
    return Progress.restored(Journey, from_json(to_json(progress.stored())))


class Patient(Saga):
    """One step there, one whose answer takes time and ends the operation, one more."""

    starts_on = Begun
    deadline = timedelta(minutes=1)
    finishes_with = "wait"

    @compensatable
    def one(self) -> Do:
        return Do(what="one")

    @one.undo
    def undo_one(self) -> Undo:
        return Undo(what="one")

    @pivot
    def wait(self) -> Do:
        return Do(what="wait")

    @retriable
    def last(self) -> Do:
        return Do(what="last")


@pytest.mark.parametrize("refusal", [NotYet, OutcomeUnknown])
def test_an_answer_that_is_not_there_yet_is_asked_for_as_a_new_question(refusal: type[NotYet]) -> None:
    progress = Progress(Patient()).start().succeeded(None)
    assert progress.awaited == "wait"
    waiting = progress.refused(refusal(retry_after_seconds=30).problem())
    assert (waiting.phase, waiting.awaited, waiting.wait_seconds) == (Phase.RUNNING, "wait:1", 30)
    assert Progress.restored(Patient, from_json(to_json(waiting.stored()))).wait_seconds == 30
    assert waiting.overdue() is waiting
    again = waiting.refused(refusal(retry_after_seconds=0).problem())
    assert (again.awaited, again.wait_seconds) == ("wait:2", 0)
    done = again.succeeded(None)
    assert (done.awaited, done.wait_seconds, done.finished) == ("last", None, True)
    assert done.succeeded(None).finished


def test_a_no_after_waiting_leads_back() -> None:
    waiting = Progress(Patient()).start().succeeded(None).refused(NotYet(retry_after_seconds=1).problem())
    assert waiting.refused(REFUSED).awaited == "one:undo"


class NextPatient(Saga):
    """`Patient` in the next release: something new is done first, and something between."""

    starts_on = Begun
    deadline = timedelta(minutes=1)

    @compensatable
    def first(self) -> Do:
        return Do(what="first")

    @first.undo
    def undo_first(self) -> Undo:
        return Undo(what="first")

    one, undo_one = Patient.steps[0], Patient.undo_one

    @compensatable
    def between(self) -> Do:
        return Do(what="between")

    wait, last = Patient.steps[1:]


def test_an_open_saga_goes_on_where_it_is_when_a_release_brings_new_steps() -> None:
    sent = Progress(Patient()).start().succeeded(None)
    stored = from_json(to_json(sent.stored()))
    assert (stored["step"], stored["done"]) == ("wait", ["one"])
    after = Progress.restored(NextPatient, stored)
    assert (after.awaited, after.reversible) == ("wait", False), "its pivot has been sent"
    assert walk(after.refused(REFUSED))[:1] == ["Undo one"], "only what was done is undone"
    assert after.succeeded(None).awaited == "last"
    with pytest.raises(KeyError):
        Progress.restored(NextPatient, stored | {"step": "gone"})


def test_what_an_older_version_stored_by_number_is_understood() -> None:
    old = {"saga": {}, "phase": "running", "step": 1, "tries": 0, "problem": None, "done": [0]}
    assert Progress.restored(Patient, old) == Progress(Patient()).start().succeeded(None)._replace(asked=None)
