"""What an audit entry shows, and what it hides."""

from typing import Any

import pytest

from contracts.identity import TokensView
from contracts.ledger import BalanceView
from workers.runtime.audit import HIDDEN, difference

HASH = "$argon2id$v=19$m=8192,t=1,p=1$c2FsdA$aGFzaA"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMSJ9.c2ln"


def test_of_two_states_only_the_difference_is_kept() -> None:
    before = {"label": "Old", "status": "active", "gone": 1}
    assert difference(before, {"label": "New", "status": "active", "new": [2]}) == (
        {"label": "Old", "gone": 1},
        {"label": "New", "new": [2]},
    )
    assert difference(before, dict(before)) == ({}, {})
    assert difference(None, {"label": "New"}) == (None, {"label": "New"})


def test_views_are_shown_as_plain_data_and_without_their_secrets() -> None:
    assert difference(BalanceView(posted=2, held=1, available=1), None)[0] == {"posted": 2, "held": 1, "available": 1}
    tokens = TokensView(access_token="a", refresh_token="b", expires_in=5)
    assert difference(None, tokens) == (None, {"token_type": "Bearer", "expires_in": 5})


@pytest.mark.parametrize(
    "name", ["password", "password_hash", "new_password", "token", "refresh_token", "secret", "totp_secret", "key",
             "api_key", "pan", "cvv", "code", "recovery_codes", "keys", "seed", "Password"]
)  # fmt: skip
def test_what_names_a_secret_is_hidden_however_deep(name: str) -> None:
    assert difference(None, {name: "x", "in": {name: ["x"]}, "list": [{name: 1}], "no": {name: None}})[1] == {
        name: HIDDEN,
        "in": {name: HIDDEN},
        "list": [{name: HIDDEN}],
        "no": {name: None},
    }


@pytest.mark.parametrize(
    "value", [HASH, JWT, f"Bearer {JWT}", "sk_live_abc", "whsec_abc", "4111111111111111", "my card 4111 1111 1111 1111"]
)
def test_what_looks_like_a_secret_is_hidden(value: str) -> None:
    assert difference(None, {"label": value, "all": [value]})[1] == {"label": HIDDEN, "all": [HIDDEN]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key_id", "key_01919191919191919191919191919191"),
        ("last4", "1111"),
        ("wallet_id", "wal_0192f0c1000000000000000000000001"),
        ("created_at", "2026-11-27T01:02:03.123456Z"),
        ("amount", 1_000_000_000_000_000),
        ("label", "Rent 2026-11"),
    ],
)
def test_what_is_no_secret_is_shown(name: str, value: Any) -> None:
    assert difference(None, {name: value})[1] == {name: value}
