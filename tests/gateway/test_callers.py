"""Who calls: good tokens, forged ones, permissions, rate limits, addresses."""

import asyncio
import time

import pytest

from contracts.addresses import network
from contracts.identity import CredentialsInvalid, LockedOut
from gateway.proxies import Proxies
from gateway.server import Gateway
from gateway.settings import Settings
from tests.gateway.clients import ME, Client, refused, transfer, until
from tests.gateway.conftest import Join, Start
from tests.gateway.tokens import Issuer
from tests.gateway.worker import Worker

PERSON_VIEW = {"id": "usr_1", "version": 1}
PERSON = {"email": "a@b.example", "password": "p" * 12, "first_name": "A", "last_name": "B"}


@pytest.fixture(autouse=True)
def me(worker: Worker) -> None:
    worker.on("identity.GetMe", PERSON_VIEW)


async def test_unknown_keys_are_asked_for_but_not_each_time(client: Client, worker: Worker, gateway: Gateway) -> None:
    rotated = Issuer("key-2")
    asked = len(worker.of("identity.GetSigningKeys"))
    worker.issuers.append(rotated)
    await refused(client, rotated.token())
    assert len(worker.of("identity.GetSigningKeys")) == asked
    gateway.instance.keys._asked_at = float("-inf")
    answer = await client.get(ME, anonymous=True, headers={"Authorization": f"Bearer {rotated.token()}"})
    assert answer.status == 200
    for _ in range(5):
        await refused(client, Issuer("key-3").token())
    assert len(worker.of("identity.GetSigningKeys")) == asked + 1


async def test_keys_are_known_before_they_sign_and_nothing_of_a_lost_one_is_believed(
    worker: Worker, start: Start, join: Join, issuer: Issuer
) -> None:
    async with start(keys_reload_seconds=0.1) as gateway:
        client, keys = join(gateway), gateway.instance.keys
        assert (await client.get(ME)).status == 200
        rotated = Issuer("key-2")
        worker.issuers = [rotated, issuer]
        await until(lambda: "key-2" in keys._keys)
        # Verified before, so that only its key says that it is not good any more.
        assert (await client.get(ME)).status == 200
        worker.issuers = [rotated]
        await until(lambda: issuer.kid not in keys._keys)
        await refused(client, client.token)
        answer = await client.get(ME, anonymous=True, headers={"Authorization": f"Bearer {rotated.token()}"})
        assert answer.status == 200


async def test_the_cache_of_tokens_is_bounded(start: Start, join: Join) -> None:
    async with start(token_cache_size=3) as gateway:
        for _ in range(6):
            assert (await join(gateway).get(ME)).status == 200
        assert len(gateway.instance.callers._sessions) == 3


async def test_a_token_is_remembered_once_however_it_is_written(client: Client, gateway: Gateway) -> None:
    for scheme in ("Bearer", "bearer", "bEARER", "Bearer" + " " * 3000):
        answer = await client.get(ME, anonymous=True, headers={"Authorization": f"{scheme} {client.token}"})
        assert answer.status == 200
    assert list(gateway.instance.callers._sessions) == [client.token.encode()]


async def test_permissions(gateway: Gateway, join: Join, worker: Worker) -> None:
    worker.on("ledger.GetWallet", {"id": "wal_1"})
    nobody, support = join(gateway, roles=["no_such_role"]), join(gateway, roles=["support", "nonsense"])
    answer = await nobody.post("/v1/transfers", transfer(), key="k")
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert (await support.get("/v1/wallets/wal_1")).status == 200
    caller = worker.of("ledger.GetWallet")[-1].caller
    assert caller is not None
    assert caller.oversees
    worker.on("ledger.FreezeWallet", {"id": "wal_1"})
    await support.post("/v1/wallets/wal_1/freeze")
    caller = worker.of("ledger.FreezeWallet")[-1].caller
    assert caller is not None
    assert not caller.oversees


async def test_calls_are_answered_directly(client: Client, worker: Worker) -> None:
    worker.on("identity.Register", PERSON_VIEW)
    worker.on("identity.LogIn", CredentialsInvalid())
    answer = await client.post("/v1/auth/register", PERSON, anonymous=True, key="k", prefer="respond-async")
    assert (answer.status, answer.json) == (201, PERSON_VIEW)
    assert answer.headers["Location"] == "/v1/users/usr_1"
    answer = await client.post("/v1/auth/login", {"email": "a@b.example", "password": "x"}, anonymous=True)
    assert (answer.status, answer.code) == (401, "credentials_invalid")
    assert "WWW-Authenticate" in answer.headers
    envelope = worker.of("identity.Register")[0]
    assert (envelope.operation, envelope.fingerprint) == (None, None)


async def test_calls_that_nobody_answers(worker: Worker, start: Start, join: Join) -> None:
    worker.silent.add("identity.Register.v1")
    async with start(call_timeout_seconds=0.3) as gateway:
        answer = await join(gateway).post("/v1/auth/register", PERSON, anonymous=True)
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "busy", "1")


async def early_in_a_window() -> None:
    left = 60 - time.time() % 60
    if left < 15:
        await asyncio.sleep(left)


async def test_quotas(start: Start, join: Join) -> None:
    await early_in_a_window()
    async with start(rate_limit_per_minute=50) as one, start(rate_limit_per_minute=50) as two:
        ana, bob = join(one), join(one)
        answer = await ana.get(ME)
        assert answer.headers["RateLimit-Policy"] == '"caller";q=50;w=60'
        assert answer.headers["RateLimit"].startswith('"caller";r=49;t=')
        there = join(two, subject=ana.principal)
        answers = [await (ana if n % 2 else there).get(ME) for n in range(60)]
        assert sum(answer.status == 200 for answer in answers) == 49
        last = answers[-1]
        assert (last.status, last.code) == (429, "rate_limited")
        assert 1 <= int(last.headers["Retry-After"]) <= 60
        assert last.headers["RateLimit"].startswith('"caller";r=0;t=')
        assert (await bob.get(ME)).status == 200


async def test_registration_is_limited_by_address(worker: Worker, start: Start, join: Join) -> None:
    worker.on("identity.Register", PERSON_VIEW)
    await early_in_a_window()
    async with start(register_limit_per_minute=3, trusted_proxies="127.0.0.0/8") as gateway:
        client = join(gateway)

        async def register(address: str) -> int:
            headers = {"X-Forwarded-For": f"6.6.6.6, {address}"}
            return (await client.post("/v1/auth/register", PERSON, anonymous=True, headers=headers)).status

        statuses = [await register("9.9.9.9") for _ in range(8)]
        assert statuses == [201] * 3 + [429] * 5
        assert await register("8.8.8.8") == 201
        assert [await register(f"2001:db8::{n}") for n in range(8)][-1] == 429
        caller = worker.of("identity.Register")[0].caller
        assert caller is not None
        assert caller.address == "9.9.9.9"


async def test_what_guards_codes_and_passwords_is_limited_by_caller(worker: Worker, start: Start, join: Join) -> None:
    worker.on("identity.ConfirmTotp", {})
    worker.on("identity.GetMe", PERSON_VIEW)
    await early_in_a_window()
    async with start(totp_limit_per_minute=3) as gateway:
        ani, budi = join(gateway), join(gateway)
        body = {"code": "123456"}
        answers = [await ani.post("/v1/auth/totp/confirm", body) for _ in range(5)]
        assert [answer.status for answer in answers] == [204] * 3 + [429] * 2
        assert answers[-1].code == "rate_limited"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert answers[0].headers["RateLimit-Policy"] == '"totp";q=3;w=60'
        assert (await budi.post("/v1/auth/totp/confirm", body)).status == 204
        assert (await ani.get(ME)).status == 200, "the rest has a limit of its own"


async def test_resets_are_limited_by_address_also_without_redis(worker: Worker, start: Start, join: Join) -> None:
    worker.on("identity.ForgetPassword", {})
    worker.on("identity.ResetPassword", {})
    for options in ({}, {"redis_url": "redis://127.0.0.1:1/0"}):
        await early_in_a_window()
        async with start(reset_limit_per_minute=3, **options) as gateway:
            client = join(gateway)
            statuses = [
                (await client.post(f"/v1/auth/password/{name}", body, anonymous=True)).status
                for name, body in [
                    ("forgot", {"email": "a@example.com"}),
                    ("reset", {"token": "x", "new_password": "something quite new"}),
                ]
                * 3
            ]
            assert statuses == [204] * 3 + [429] * 3


async def test_a_lockout_says_how_long_it_lasts(worker: Worker, client: Client) -> None:
    worker.on("identity.LogIn", LockedOut(retry_after_seconds=1234))
    answer = await client.post("/v1/auth/login", {"email": "a@example.com", "password": "x"}, anonymous=True)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "locked_out", "1234")


async def test_without_redis(worker: Worker, start: Start, join: Join) -> None:
    worker.on("transfers.RequestTransfer", {"id": "trf_1"})
    worker.on("identity.Register", PERSON_VIEW)
    await early_in_a_window()
    async with start(redis_url="redis://127.0.0.1:1/0", rate_limit_per_minute=5) as gateway:
        client = join(gateway)
        # Money goes on; what guards passwords does not.
        answer = await client.transfer("k", prefer="wait=5")
        assert answer.status == 201
        assert (await client.get("/v1/operations/" + worker.of("transfers.RequestTransfer")[0].id)).json["result"]
        answer = await client.post("/v1/auth/register", PERSON, anonymous=True)
        assert (answer.status, answer.code) == (503, "busy")
        # Each gateway counts alone.
        assert [(await client.get(ME)).status for _ in range(8)][-1] == 429


def test_addresses() -> None:
    proxies = Proxies(Settings.model_fields["trusted_proxies"].default)
    assert proxies.address("1.2.3.4", b"5.6.7.8") == "1.2.3.4"
    trusting = Proxies(Settings.model_validate({
        "amqp_url": "x", "redis_url": "x", "operation_id_key": bytes(32), "trusted_proxies": "10.0.0.0/8, ::1/128",
    }).trusted_proxies)  # fmt: skip
    assert trusting.address("1.2.3.4", b"5.6.7.8") == "1.2.3.4"
    assert trusting.address("10.0.0.1", b"5.6.7.8") == "5.6.7.8"
    assert trusting.address("10.0.0.1", b"6.6.6.6, 5.6.7.8, 10.0.0.2") == "5.6.7.8"
    assert trusting.address("::1", b"6.6.6.6,\n5.6.7.8") == "5.6.7.8"
    assert trusting.address("10.0.0.1", b"6.6.6.6, nonsense") == "10.0.0.1"
    assert trusting.address("10.0.0.1", b"") == "10.0.0.1"
    remembered = trusting._remembered.cache_info().currsize
    assert trusting.address("10.0.0.1", b"9.9.9.9, " * 100 + b"5.6.7.8") == "5.6.7.8"
    assert trusting._remembered.cache_info().currsize == remembered, "what is long is not kept"


def test_who_an_address_stands_for() -> None:
    assert network("1.2.3.4") == "1.2.3.4"
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network("::ffff:1.2.3.4") == "1.2.3.4"
    assert network("") == ""
