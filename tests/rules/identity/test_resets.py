"""Tokens that reset a password: nobody can make one but us, and from a row alone nobody can tell it."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.identity import ResetTokenInvalid
from workers.identity import resets
from workers.identity.resets import Reset
from workers.runtime.sealing import Sealer
from workers.runtime.settings import SealingKey

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def sealer(*names: str) -> Sealer:
    keys = {name: base64.urlsafe_b64encode(name.encode().ljust(32)).decode() for name in names}
    return Sealer([SealingKey.model_validate({"id": name, "key": key}) for name, key in keys.items()])


OURS = sealer("ours")


def test_a_token_names_its_reset() -> None:
    assert resets.id_of(resets.token("rst_1", OURS), OURS) == "rst_1"
    assert resets.token("rst_1", OURS) == resets.token("rst_1", OURS), "what is tried again mails the same"


def test_tokens_outlive_a_rotation_of_keys() -> None:
    token = resets.token("rst_1", sealer("old"))
    assert resets.id_of(token, sealer("new", "old")) == "rst_1"
    with pytest.raises(ResetTokenInvalid):
        resets.id_of(token, sealer("new"))


@given(st.integers(0, 200), st.sampled_from("abcXYZ019._-"))
def test_a_token_that_is_changed_anywhere_is_none(place: int, letter: str) -> None:
    token = resets.token("rst_1", OURS)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(ResetTokenInvalid):
            resets.id_of(changed, OURS)


@pytest.mark.parametrize("said", ["", ".", "rst_1", "rst_1.", "rst_1.ours", "rst_1.ours.", "rst_1..", "ö.ö.ö"])
def test_rubbish_is_no_token(said: str) -> None:
    with pytest.raises(ResetTokenInvalid):
        resets.id_of(said, OURS)


def test_what_is_signed_for_another_purpose_is_no_token() -> None:
    with pytest.raises(ResetTokenInvalid):
        resets.id_of(f"rst_1.{OURS.sign('rst_1', to='something else')}", OURS)
    with pytest.raises(ResetTokenInvalid):
        resets.id_of(f"rst_2.{OURS.sign('rst_1', to=resets.PURPOSE)}", OURS)


def test_a_reset_is_good_once_and_for_a_while() -> None:
    reset = Reset.make("rst_1", "usr_1", at=NOW, lasts=timedelta(minutes=30))
    assert reset.usable(NOW)
    assert reset.usable(NOW + timedelta(minutes=30) - timedelta(microseconds=1))
    assert not reset.usable(NOW + timedelta(minutes=30))
    used = reset.used(NOW)
    assert not used.usable(NOW)
    assert used.used(NOW + timedelta(minutes=1)) == used
