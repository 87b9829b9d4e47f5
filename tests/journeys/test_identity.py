"""Registering, logging in, and who one is."""

import jwt
import pytest

from tests.journeys.conftest import Meet
from tests.people import Person


async def test_a_newcomer_registers_logs_in_and_is_known(nobody: Person) -> None:
    about = {"email": nobody.email, "password": nobody.password, "first_name": "Ani", "last_name": "Wijaya"}
    registered = await nobody.post("/v1/auth/register", about)
    assert registered.status == 201
    user = registered.json
    assert user["id"].startswith("usr_")
    assert user["roles"] == ["customer"]
    assert {name: user[name] for name in ("email", "first_name", "last_name")} == {
        name: about[name] for name in ("email", "first_name", "last_name")
    }
    assert "password" not in registered.body.decode()

    answer = await nobody.post("/v1/auth/login", {"email": nobody.email, "password": nobody.password}, at=1)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    tokens = answer.json
    assert tokens["token_type"] == "Bearer"
    assert 0 < tokens["expires_in"] <= 900

    nobody.token = tokens["access_token"]
    me = await nobody.read("/v1/auth/me")
    assert me | user == me
    assert "transfers:create" in me["permissions"]
    assert not [permission for permission in me["permissions"] if permission.endswith("_any")]


async def test_the_published_keys_verify_an_access_token(ani: Person) -> None:
    keys = await ani.read("/.well-known/jwks.json")
    assert ani.token is not None
    kid = jwt.get_unverified_header(ani.token)["kid"]
    key = next(key for key in keys["keys"] if key["kid"] == kid)
    assert "d" not in key
    claims = jwt.decode(ani.token, jwt.PyJWK(key).key, algorithms=["EdDSA"], audience="saldo", issuer="saldo")
    assert claims["sub"] == ani.user["id"]
    assert claims["exp"] - claims["iat"] <= 900


async def test_an_address_registers_once_whatever_its_case(ani: Person, nobody: Person) -> None:
    about = {"email": ani.email.upper(), "password": "another password", "first_name": "B", "last_name": "C"}
    again = await nobody.post("/v1/auth/register", about, at=1)
    assert (again.status, again.code) == (409, "email_taken")
    assert (await ani.log_in())["access_token"]


async def test_wrong_passwords_and_unknown_addresses_get_the_same_answer(ani: Person, nobody: Person) -> None:
    wrong = await nobody.post("/v1/auth/login", {"email": ani.email, "password": "not the password"})
    unknown = await nobody.post("/v1/auth/login", {"email": nobody.email, "password": "not the password"})
    assert (wrong.status, wrong.code) == (unknown.status, unknown.code) == (401, "credentials_invalid")
    assert wrong.json["detail"] == unknown.json["detail"]


@pytest.mark.parametrize(
    "change",
    [
        {"password": "eleven char"},
        {"password": 123456789012},
        {"email": "not an address"},
        {"email": None},
        {"first_name": ""},
        {"last_name": 7},
        {"role": "admin"},
        {"roles": ["admin"]},
    ],
    ids=str,
)
async def test_a_registration_that_is_not_one_is_refused(nobody: Person, change: dict[str, object]) -> None:
    about = {"email": nobody.email, "password": nobody.password, "first_name": "A", "last_name": "B"} | change
    refused = await nobody.post("/v1/auth/register", about)
    assert (refused.status, refused.code) == (422, "validation_failed")
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{next(iter(change))}"]
    assert nobody.password not in refused.body.decode()
    login = await nobody.post("/v1/auth/login", {"email": nobody.email, "password": nobody.password})
    assert login.status == 401


async def test_routes_that_carry_secrets_answer_directly(meet: Meet, nobody: Person) -> None:
    about = {"email": nobody.email, "password": nobody.password, "first_name": "A", "last_name": "B"}
    registered = await nobody.post("/v1/auth/register", about, prefer="respond-async", key="ignored")
    assert registered.status == 201
    assert "Idempotency-Replayed" not in registered.headers
    somebody = await meet()
    credentials = {"email": somebody.email, "password": somebody.password}
    again = await nobody.post("/v1/auth/login", credentials, prefer="respond-async", key="ignored")
    assert again.status == 200
    assert again.json["access_token"] != somebody.token
