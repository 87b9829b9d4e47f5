"""One-time codes, held against the vectors of their RFCs, and what becomes of them when they are taken."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.identity import totp
from workers.identity.totp import Totp

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 27, 12, 0, 10, tzinfo=UTC)
STEP = totp.step_of(NOW)


def mine(**changes: object) -> Totp:
    known = Totp("usr_1", "key.sealed", ["a", "b"], 0, NOW, NOW)
    return known._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counter", "code"),
    list(
        enumerate(["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"])
    ),
)
def test_codes_are_those_of_rfc_4226_appendix_d(counter: int, code: str) -> None:
    assert totp.code(SECRET, counter) == code


@pytest.mark.parametrize(
    ("seconds", "code"),
    # RFC 6238, appendix B, SHA-1: the last six of its eight digits.
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp.code(SECRET, totp.step_of(at)) == code
    assert totp.step_of(at) in totp.steps(SECRET, code, at)


@pytest.mark.parametrize(("off", "heard"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(off: int, *, heard: bool) -> None:
    said = totp.code(SECRET, STEP + off)
    assert (STEP + off in totp.steps(SECRET, said, NOW)) is heard


@pytest.mark.parametrize("said", ["", "12345", "0000000", "ööööööö", "１２３４５６", "none of the kind", "-00001"])
def test_rubbish_is_no_code(said: str) -> None:
    assert totp.steps(SECRET, said, NOW) == []


def test_a_code_may_be_typed_in_two_groups() -> None:
    code = totp.code(SECRET, STEP)
    assert totp.steps(SECRET, f"{code[:3]} {code[3:]}", NOW) == [STEP]


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=30))
def test_no_step_is_taken_twice_nor_any_before_it(offsets: list[int]) -> None:
    known, taken = mine(), list[int]()
    for offset in offsets:
        after = known.after([STEP + offset])
        if after is not None:
            known = after
            taken.append(STEP + offset)
    assert taken == sorted(set(taken))
    assert known.last_step == taken[-1]


def test_of_another_secret_no_code_was_taken() -> None:
    taken = mine().after([STEP])
    assert taken is not None
    assert not taken.removed().enabled
    assert not taken.removed().begun
    anew = taken.removed().anew("other", ["c"], NOW)
    assert anew.begun
    assert anew.recovery == ["c"]
    assert anew.after([STEP]) is not None


def test_a_recovery_code_is_used_up() -> None:
    after = mine().recovered("a")
    assert after is not None
    assert after.recovery == ["b"]
    assert after.recovered("a") is None
    assert mine().recovered("c") is None


def test_recovery_codes_are_read_however_they_are_typed() -> None:
    shown = totp.recovery_code(bytes(range(10)))
    assert [len(part) for part in shown.split("-")] == [4, 4, 4, 4]
    kept = totp.hashed("usr_1", shown)
    assert totp.hashed("usr_1", shown.upper().replace("-", " ")) == kept
    assert totp.hashed("usr_2", shown) != kept, "the same code of somebody else is another one"
    assert shown.replace("-", "") not in kept


def test_the_uri_says_all_that_an_authenticator_needs() -> None:
    parts = urlsplit(totp.uri(SECRET, "budi+wallet@example.com"))
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Saldo:budi%2Bwallet%40example.com")
    assert parse_qs(parts.query) == {
        "secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"],
        "issuer": ["Saldo"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }


def test_nothing_secret_shows() -> None:
    assert repr(mine()) == "Totp(usr_1)"
