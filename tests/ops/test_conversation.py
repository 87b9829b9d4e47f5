"""What the demo shows of a call keeps its secrets."""

from ops.conversation import masked


def test_secrets_are_masked_however_deep() -> None:
    body = {"email": "a@example.com", "password": "hunter2", "data": [{"access_token": "ey…", "cvv": None}]}
    assert masked(body) == {
        "email": "a@example.com",
        "password": "••••••",
        "data": [{"access_token": "••••••", "cvv": None}],
    }
