"""Tokens that are good, and all others: those open nothing."""

import asyncio
import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.gateway.clients import ME, Client, refused
from tests.gateway.tokens import Issuer
from tests.gateway.worker import Worker

PERSON_VIEW = {"id": "usr_1", "version": 1}


@pytest.fixture(autouse=True)
def me(worker: Worker) -> None:
    worker.on("identity.GetMe", PERSON_VIEW)


async def test_a_good_token(client: Client, worker: Worker) -> None:
    for scheme in ("Bearer", "bearer", "BEARER "):
        answer = await client.get(ME, anonymous=True, headers={"Authorization": f"{scheme} {client.token}"})
        assert (answer.status, answer.json) == (200, PERSON_VIEW)
    caller = worker.of("identity.GetMe")[0].caller
    assert caller is not None
    assert (caller.principal, caller.session) == (client.principal, client.claims["sid"])
    assert (caller.oversees, caller.address) == (False, "127.0.0.1")


async def test_no_token(client: Client) -> None:
    answer = await client.get(ME, anonymous=True)
    assert (answer.status, answer.code) == (401, "token_invalid")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="saldo"'


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a", "Bearer a.b", "Bearer a.b.c.d", "x" * 9000]
)
async def test_what_is_not_a_token(client: Client, header: str) -> None:
    answer = await client.get(ME, anonymous=True, headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "token_invalid")


async def test_forged_tokens(client: Client, issuer: Issuer) -> None:
    claims, headers = issuer.claims(), {"kid": issuer.kid, "typ": "at+jwt"}
    public = issuer.key.public_key()
    for key in (
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        base64.urlsafe_b64decode(issuer.jwk["x"] + "="),
    ):
        await refused(client, jwt.encode(claims, key, algorithm="HS256", headers=headers))
    await refused(client, jwt.encode(claims, "", algorithm="none", headers=headers))
    await refused(client, jwt.encode(claims, Issuer().key, algorithm="EdDSA", headers=headers))
    head, body, signature = issuer.token().split(".")
    await refused(client, f"{head}.{body}.")
    await refused(client, f"{head}.{body}.{signature[:-4]}AAAA")
    other = base64.urlsafe_b64encode(json.dumps(claims | {"roles": ["admin"]}).encode()).rstrip(b"=").decode()
    await refused(client, f"{head}.{other}.{signature}")
    for alg in ("none", "HS256", "ES256", "Ed448", None, 5):
        forged = base64.urlsafe_b64encode(json.dumps(headers | {"alg": alg}).encode()).rstrip(b"=").decode()
        await refused(client, f"{forged}.{body}.{signature}")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "else"},
        {"aud": "else"},
        {"aud": None},
        {"iss": None},
        {"exp": None},
        {"exp": "soon"},
        {"sid": None},
        {"jti": None},
        {"sub": None},
        {"sub": 5},
        {"sub": "mer_1"},
        {"sub": "usr_" + "x" * 99},
        {"roles": None},
        {"roles": "admin"},
        {"roles": [1]},
        {"nbf": 2**40},
    ],
    ids=repr,
)
async def test_claims(client: Client, issuer: Issuer, changes: dict[str, Any]) -> None:
    claims = {name: value for name, value in (issuer.claims() | changes).items() if value is not None}
    headers = {"kid": issuer.kid, "typ": "at+jwt"}
    await refused(client, jwt.encode(claims, issuer.key, algorithm="EdDSA", headers=headers))


@pytest.mark.parametrize("typ", ["JWT", "at+JWT ", "reset+jwt", None])
async def test_another_kind_of_token_is_no_access_token(client: Client, issuer: Issuer, typ: str | None) -> None:
    headers = {"kid": issuer.kid, "typ": typ}
    await refused(client, jwt.encode(issuer.claims(), issuer.key, algorithm="EdDSA", headers=headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": "unknown"},
        {"kid": "../../etc/passwd"},
        {"kid": "x" * 1000},
        {"kid": "' OR 1=1"},
        {"jku": "http://127.0.0.1:1/jwks"},
        {"kid": "key-1", "crit": ["exp"]},
    ],
    ids=repr,
)
async def test_key_injection(client: Client, headers: dict[str, Any]) -> None:
    forger = Issuer()
    embedded = {"jwk": forger.jwk, "typ": "at+jwt"} | headers
    await refused(client, jwt.encode(forger.claims(), forger.key, algorithm="EdDSA", headers=embedded))


async def test_expired_tokens(client: Client, issuer: Issuer) -> None:
    now = int(time.time())
    await refused(client, issuer.token(exp=now - 1), "token_expired")
    brief = issuer.token(exp=now + 5)
    headers = {"Authorization": f"Bearer {brief}"}
    assert (await client.get(ME, anonymous=True, headers=headers)).status == 200
    await asyncio.sleep(now + 5.1 - time.time())
    await refused(client, brief, "token_expired")
    await refused(client, brief, "token_expired")
