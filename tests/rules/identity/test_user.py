"""What a person is, and what a token says about them."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from contracts.identity import ROLES, LogIn, Register
from workers.identity import rules
from workers.identity.rules import User

NOW = datetime(2026, 11, 22, 12, 0, 0, 999_999, tzinfo=UTC)
SECRET = "correct horse battery"


def registration(**fields: object) -> Register:
    wanted = {"email": "Budi@Example.com", "password": SECRET, "first_name": " Budi ", "last_name": "S"}
    return Register.model_validate(wanted | fields)


def budi() -> User:
    return User.register(registration(), "$argon2id$hash", at=NOW, key="usr_1")


def test_everybody_registers_as_a_customer() -> None:
    user = budi()
    assert user.roles == ["customer"]
    assert user.active
    assert (user.email, user.first_name) == ("budi@example.com", "Budi")


@pytest.mark.parametrize("extra", [{"roles": ["admin"]}, {"role": "admin"}, {"status": "archived"}, {"id": "usr_x"}])
def test_nothing_more_can_be_asked_for(extra: dict[str, object]) -> None:
    user = User.register(registration(**extra), "$argon2id$hash", at=NOW, key="usr_1")
    assert user == budi()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "budi",
        "budi@",
        "@example.com",
        "budi@localhost",
        "a b@example.com",
        "a@b@example.com",
        "a@x..y",
        "a\0@b.co",
    ],
)
def test_an_address_looks_like_one(email: str) -> None:
    with pytest.raises(ValidationError):
        registration(email=email)


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 257])
def test_a_password_has_twelve_to_256_characters(password: str) -> None:
    with pytest.raises(ValidationError) as caught:
        registration(password=password)
    assert password == "" or password not in str(caught.value)


def test_no_secret_shows_in_a_repr() -> None:
    shown = (registration(), LogIn(email="budi@example.com", password=SECRET), budi())
    assert not any(SECRET in repr(one) or "$argon2id$hash" in repr(one) for one in shown)


def test_views_have_no_password_in_any_form() -> None:
    for view in (budi().view(), budi().me({})):
        assert "argon2" not in view.model_dump_json()


def test_me_says_what_the_roles_allow_together() -> None:
    assert budi().me({}).permissions == sorted(ROLES["customer"])
    assert rules.permissions(["customer", "support"], {}) == {*ROLES["customer"], *ROLES["support"]}
    assert rules.permissions(["no-such-role", "clerk"], {"clerk": ["roles:read"]}) == {"roles:read"}


def test_a_role_made_here_never_adds_to_a_built_in_one() -> None:
    assert rules.permissions(["customer"], {"customer": ["roles:assign"]}) == frozenset(ROLES["customer"])


def test_every_change_makes_a_newer_version_and_works_out_who_is_an_admin() -> None:
    admin = budi().changed(at=NOW, roles=["admin"])
    assert (admin.version, admin.admin) == (2, True)
    archived = admin.changed(at=NOW, status="archived")
    assert (archived.version, archived.admin, archived.grant().active) == (3, False, False)


def test_a_token_names_person_session_roles_and_times() -> None:
    said = rules.claims(budi(), "ses_1", at=NOW, lifetime_seconds=900, token_id="tok_1")
    issued = int(NOW.timestamp())
    assert said == {
        "iss": "saldo",
        "aud": "saldo",
        "sub": "usr_1",
        "sid": "ses_1",
        "roles": ["customer"],
        "iat": issued,
        "exp": issued + 900,
        "jti": "tok_1",
    }
