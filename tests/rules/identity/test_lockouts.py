"""Who is locked out by whose failures, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.identity import LockedOut
from workers.identity.lockouts import Attempts, Bar, Guard, Keys

NOW = datetime(2026, 11, 27, tzinfo=UTC)
BAR = Bar(10, timedelta(minutes=30))
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class Door:
    """Logins at any account from anywhere, counted as the handler counts them."""

    def __init__(self) -> None:
        self.rows: dict[str, Attempts] = {}
        self.now = NOW
        self.waits: list[int] = []

    def attempt(self, email: str, address: str, *, right: bool) -> bool:
        """Whether somebody was listened to."""
        guard = Guard(*(self.rows.get(key) or Attempts.none(key, self.now) for key in Keys.of(email, address)))
        try:
            guard.check(self.now)
        except LockedOut as refusal:
            self.waits.append(refusal.retry_after_seconds or 0)
            return False
        for one in guard.succeeded(self.now) if right else guard.failed(self.now, BAR):
            self.rows[one.id] = one
        return True

    def guesses(self, email: str, address: str, times: int = 100) -> int:
        """How many of so many guesses are listened to."""
        return sum(self.attempt(email, address, right=False) for _ in range(times))


def test_ten_failures_lock_out_for_half_an_hour() -> None:
    door = Door()
    assert door.guesses("a", HOME) == 10
    assert not door.attempt("a", HOME, right=True)
    door.now += timedelta(minutes=30) - timedelta(seconds=1)
    assert not door.attempt("a", HOME, right=True)
    assert (door.waits[0], door.waits[-1]) == (1800, 1)
    door.now += timedelta(seconds=1)
    assert door.attempt("a", HOME, right=True)


def test_failing_while_locked_out_prolongs_nothing() -> None:
    door = Door()
    door.guesses("a", HOME)
    door.now += timedelta(minutes=29)
    door.guesses("a", HOME)
    door.now += timedelta(minutes=1)
    assert door.attempt("a", HOME, right=True)


def test_after_a_lockout_it_takes_ten_failures_again() -> None:
    door = Door()
    for _ in range(3):
        assert door.guesses("a", HOME) == 10
        door.now += timedelta(minutes=30)


def test_failures_long_ago_are_forgotten() -> None:
    door = Door()
    for _ in range(50):
        assert door.guesses("a", HOME, 9) == 9
        door.now += timedelta(minutes=30)


def test_an_account_has_ten_failures_over_all_strange_places_together() -> None:
    door = Door()
    assert sum(door.guesses("a", f"198.51.100.{n}", 3) for n in range(200)) == 10


def test_strangers_do_not_lock_out_who_comes_home() -> None:
    door = Door()
    assert door.attempt("a", HOME, right=True)
    for n in range(200):
        door.guesses("a", f"198.51.100.{n}", 20)
    assert door.attempt("a", HOME, right=True)
    assert not door.attempt("a", ELSEWHERE, right=True)


def test_at_home_there_are_ten_failures_as_well() -> None:
    door = Door()
    door.attempt("a", HOME, right=True)
    assert door.guesses("a", HOME) == 10
    assert not door.attempt("a", HOME, right=True)


def test_logging_in_to_one_account_buys_no_guesses_at_another() -> None:
    door = Door()
    door.attempt("own", ELSEWHERE, right=True)
    heard = 0
    for _ in range(100):
        heard += door.guesses("victim", ELSEWHERE, 5)
        door.attempt("own", ELSEWHERE, right=True)
    assert heard == 10


def test_an_address_has_ten_failures_over_all_accounts_together() -> None:
    door = Door()
    assert sum(door.guesses(f"victim{n}", ELSEWHERE, 1) for n in range(100)) == 10


def test_where_many_people_come_from_more_may_go_wrong_but_not_any_number() -> None:
    door = Door()
    for n in range(50):
        assert door.attempt(f"colleague{n}", HOME, right=True)
    assert sum(door.guesses(f"victim{n}", HOME, 1) for n in range(500)) == 100
    assert door.attempt("colleague7", HOME, right=True), "who has been here before is not who is guessing"


def test_a_household_is_one_address() -> None:
    assert Keys.of("a", "2001:db8::1") == Keys.of("a", "2001:db8::ffff:1")
    assert Keys.of("a", "2001:db8::1") != Keys.of("a", "2001:db8:1::1")
    assert len({*Keys.of("a", HOME), *Keys.of("b", HOME)}) == 5
    assert Keys.of("a", None) == Keys.of("a", "")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([HOME, ELSEWHERE]), st.booleans()), max_size=80))
def test_nobody_gets_more_than_ten_guesses_in_a_row_at_one_account_in_one_place(
    attempts: list[tuple[str, str, bool]],
) -> None:
    door, row = Door(), dict[tuple[str, str], int]()
    for email, address, right in attempts:
        heard = door.attempt(email, address, right=right)
        place = email, address
        row[place] = 0 if right and heard else row.get(place, 0) + heard
        assert row[place] <= 20, "ten while the place is strange, and ten since it is not"


@pytest.mark.parametrize("failures", [1, 3, 10])
def test_the_bar_is_a_setting(failures: int) -> None:
    bar, one = Bar(failures, timedelta(seconds=60)), Attempts.none("x", NOW)
    for number in range(failures):
        assert one.wait_seconds(NOW) == 0, number
        one = one.failed(NOW, bar)
    assert one.wait_seconds(NOW) == 60
    assert one.wait_seconds(NOW + timedelta(seconds=59, milliseconds=500)) == 1
