"""What an API key looks like, what it may become, and when it ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts import api_key
from contracts.merchants import ApiKeyEnded, CreateApiKey, ExpiryInvalid, TooManyApiKeys
from workers.merchants import api_keys
from workers.merchants.api_keys import ApiKey, Minted

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINTED, AGAIN = Minted("sk_1", "sk_1", "hash-1"), Minted("sk_2", "sk_2", "hash-2")
BODIES = st.text(api_key.ALPHABET, min_size=api_key.BODY_LENGTH, max_size=api_key.BODY_LENGTH)


def created(**fields: object) -> ApiKey:
    wanted = {"merchant_id": "mer_1", "name": "Till", "scopes": ["payments:create"]} | fields
    return ApiKey.create(CreateApiKey.model_validate(wanted), MINTED, by="usr_1", at=NOW, key="key_1")


@given(BODIES)
def test_a_key_is_recognised(body: str) -> None:
    key = api_key.written(body)
    assert api_key.well_formed(key)
    assert key.startswith(api_key.shown(key))
    assert len(api_key.digest(key)) == 64


@given(BODIES, st.data())
def test_a_typo_is_not(body: str, data: st.DataObject) -> None:
    key = api_key.written(body)
    at = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from(api_key.ALPHABET + "_-. é"))
    assume(letter != key[at])
    assert not api_key.well_formed(key[:at] + letter + key[at + 1 :])
    assert not api_key.well_formed(key[:at] + key[at + 1 :])
    assert not api_key.well_formed(key + letter)


@given(BODIES, st.integers(3, 47))
def test_two_letters_that_changed_places_are_not(body: str, at: int) -> None:
    key = api_key.written(body)
    assume(key[at] != key[at + 1])
    assert not api_key.well_formed(key[:at] + key[at + 1] + key[at] + key[at + 2 :])


def test_what_is_shown_of_it_leaves_192_bits_to_guess() -> None:
    hidden = api_key.BODY_LENGTH - (api_key.SHOWN_LENGTH - len(api_key.PREFIX))
    assert len(api_key.ALPHABET) ** hidden > 2**192


def test_a_new_key_is_active_and_holds_no_key() -> None:
    key = created()
    assert key.view(NOW).status == "active"
    assert "hash-1" not in repr(key)
    assert "sk_1" not in repr(MINTED)
    assert key.new_view(NOW).key is None


def test_scopes_are_a_set() -> None:
    key = created(scopes=["payments:read", "payments:create", "payments:read"])
    assert key.scopes == ["payments:create", "payments:read"]


@pytest.mark.parametrize("ends", [NOW, NOW - HOUR])
def test_a_key_cannot_end_before_it_begins(ends: datetime) -> None:
    with pytest.raises(ExpiryInvalid):
        created(expires_at=ends)


def test_it_ends_when_it_was_to_end() -> None:
    key = created(expires_at=NOW + HOUR)
    statuses = [key.status_at(NOW + HOUR * part) for part in (0, 0.999, 1, 2)]
    assert statuses == ["active", "active", "expired", "expired"]


def test_revoking_counts_first_and_once() -> None:
    key = created(expires_at=NOW + HOUR).revoked(NOW)
    assert key.status_at(NOW + 2 * HOUR) == "revoked"
    assert key.revoked(NOW + HOUR) is key


def test_a_successor_allows_the_same_and_lives_as_long() -> None:
    old = created(expires_at=NOW + HOUR).used(NOW)
    later = NOW + HOUR / 2
    new = old.successor(AGAIN, by="usr_2", at=later, key="key_2")
    assert (new.scopes, new.name, new.merchant_id) == (old.scopes, old.name, old.merchant_id)
    assert (new.expires_at, new.last_used_at, new.hash) == (later + HOUR, None, "hash-2")
    assert created().successor(AGAIN, by="usr_2", at=later, key="key_2").expires_at is None


@pytest.mark.parametrize(
    ("ends", "overlap", "expected"),
    [
        (None, HOUR, NOW + HOUR),
        (None, timedelta(0), NOW),
        (NOW + HOUR, 2 * HOUR, NOW + HOUR),
        (NOW + 2 * HOUR, HOUR, NOW + HOUR),
    ],
)
def test_the_old_key_ends_after_the_overlap_and_never_later_than_it_would(
    ends: datetime | None, overlap: timedelta, expected: datetime
) -> None:
    old = created(expires_at=ends)
    new = old.successor(AGAIN, by="usr_1", at=NOW, key="key_2")
    replaced = old.replaced(new, overlap, NOW)
    assert (replaced.expires_at, replaced.replaced_by) == (expected, "key_2")
    assert replaced.status_at(expected) == "expired"


def test_what_has_ended_or_was_replaced_is_not_rotated() -> None:
    new = created().successor(AGAIN, by="usr_1", at=NOW, key="key_2")
    ended = [
        created().revoked(NOW),
        created(expires_at=NOW + HOUR)._replace(expires_at=NOW),
        created().replaced(new, HOUR, NOW),
    ]
    for key in ended:
        with pytest.raises(ApiKeyEnded):
            key.successor(AGAIN, by="usr_1", at=NOW, key="key_3")


def test_it_was_last_used_at_the_latest_time() -> None:
    used = created().used(NOW)
    assert used.used(NOW - HOUR) is used
    assert used.used(NOW + HOUR).last_used_at == NOW + HOUR


def test_only_usable_keys_take_room() -> None:
    many = [created()._replace(id=f"key_{number}") for number in range(api_keys.USABLE_MAX)]
    with pytest.raises(TooManyApiKeys):
        api_keys.must_have_room(many, NOW)
    api_keys.must_have_room([many[0].revoked(NOW), *many[1:]], NOW)
