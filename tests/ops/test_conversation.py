"""What the demo shows of a call keeps its secrets, and is no longer than it is interesting."""

from ops.conversation import masked, shortened


def test_secrets_are_masked_however_deep() -> None:
    body = {"email": "a@example.com", "password": "hunter2", "data": [{"access_token": "ey…", "cvv": None}]}
    assert masked(body) == {
        "email": "a@example.com",
        "password": "••••••",
        "data": [{"access_token": "••••••", "cvv": None}],
    }


def test_of_a_long_list_the_beginning_is_shown() -> None:
    assert shortened({"data": [[1, 2, 3], *range(28)]}) == {"data": [[1, 2, 3], 0, 1, "… 26 more"]}
