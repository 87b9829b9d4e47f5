"""Which passwords are refused for being guessed too easily."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.identity import PasswordTooCommon
from workers.identity import guessable

NAMES = ("Budi", "Santoso", "budi.santoso@example.com")


def guessed(password: str) -> bool:
    try:
        guessable.check(password, *NAMES)
    except PasswordTooCommon:
        return True
    return False


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password123!",
        "P@ssw0rd1234",
        "passwordpassword",
        "password password",
        "1234password1234",
        "iloveyou1234",
        "letmein12345",
        "qwerty123456",
        "administrator",
        "123qweasdzxc",
        "ＰＡＳＳＷＯＲＤ1234",
    ],
)
def test_what_many_people_have_is_refused(password: str) -> None:
    assert guessed(password)


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaa",
        "121212121212",
        "abcabcabcabc",
        "123456789012",
        "abcdefghijkl",
        "zyxwvutsrqpo",
        "qwertyuiop12",
        "qwertyasdfgh",
        "mnbvcxzlkjhg",
        "x1x1x1x1x1x1",
    ],
)
def test_patterns_are_refused(password: str) -> None:
    assert guessed(password)


@pytest.mark.parametrize(
    "password",
    ["budisantoso1", "Budi.Santoso!", "SANTOSO-2024!", "budi@example.com", "santosobudi99", "budibudi19901990"],
)
def test_ones_own_name_and_address_are_refused(password: str) -> None:
    assert guessed(password)
    guessable.check("Budi.Santoso-rides-a-bicycle", *NAMES)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "another password",
        "not the password",
        "tr0ub4dor&3xyz",
        "kuda lumping 77 biru",
        "S3cure-passphrase!",
        "密碼很長而且沒有人會猜到它",
    ],
)
def test_what_takes_guessing_is_accepted(password: str) -> None:
    assert not guessed(password)


def test_chance_is_accepted() -> None:
    assert not any(guessed(secrets.token_urlsafe(12)) for _ in range(500))


@given(st.text(min_size=1, max_size=256))
def test_any_text_is_judged(password: str) -> None:
    assert guessed(password) in (True, False)


def test_a_refused_password_shows_nowhere() -> None:
    with pytest.raises(PasswordTooCommon) as caught:
        guessable.check("password1234", *NAMES)
    assert "password1234" not in str(caught.value)
