"""API keys at the gateway: known by digest, remembered, forgotten when told, throttled when wrong."""

import asyncio
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import api_key, ids, topology
from contracts.envelope import Envelope, encode, pack
from contracts.identity import RoleChanged, SessionsRevoked, UserAccessChanged
from contracts.merchants import ApiKeyChanged, MerchantChanged
from contracts.message import NotFound, Refusal
from gateway.server import Gateway
from tests.gateway.clients import Answer, Client, until
from tests.gateway.conftest import Join, Start
from tests.gateway.worker import Worker

MERCHANT = "/v1/merchants/mer_1"
SCOPES = ["merchants:read", "operations:read"]


def made() -> str:
    return api_key.written("".join(secrets.choice(api_key.ALPHABET) for _ in range(api_key.BODY_LENGTH)))


class Vault:
    """The keys that the scripted worker knows."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.holders: dict[str, dict[str, Any]] = {}
        worker.on("merchants.FindApiKey", self._find)
        worker.on("merchants.GetMerchant", {"id": "mer_1"})
        worker.on("merchants.NoteKeyUses", {})

    @property
    def asked(self) -> int:
        return len(self.worker.of("merchants.FindApiKey"))

    def give(self, **holder: Any) -> str:
        key = made()
        usual = {"key_id": ids.new("key"), "merchant_id": "mer_1", "scopes": SCOPES, "active": True}
        self.holders[api_key.digest(key)] = usual | holder
        return key

    def take(self, key: str) -> None:
        self.holders.pop(api_key.digest(key))

    async def tell(self, wire_name: str, body: dict[str, Any]) -> None:
        event = Envelope(ids.new("msg"), wire_name, body)
        await self.worker.bus.publish(topology.EVENTS, wire_name, next(pack([encode(event)])))

    async def revoked(self, key_id: str) -> None:
        await self.tell(ApiKeyChanged.wire_name, {"key": {"id": key_id}, "change": "revoked"})

    async def changed(self, merchant: str = "mer_1") -> None:
        await self.tell(MerchantChanged.wire_name, {"merchant": {"id": merchant}, "change": "suspended"})

    def _find(self, envelope: Envelope) -> dict[str, Any] | Refusal:
        assert envelope.body.keys() == {"digest"}
        return self.holders.get(envelope.body["digest"]) or NotFound()


@pytest.fixture
def vault(worker: Worker) -> Vault:
    return Vault(worker)


async def read(client: Client, key: str, path: str = MERCHANT, **headers: str) -> Answer:
    return await client.get(path, anonymous=True, headers={"Authorization": f"Bearer {key}", **headers})


async def refused(client: Client, key: str, status: int = 401, code: str = "api_key_invalid") -> None:
    answer = await read(client, key)
    assert (answer.status, answer.code) == (status, code)
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="saldo", error="invalid_token"')


async def test_a_key_speaks_for_its_merchant_and_is_asked_for_once(client: Client, vault: Vault) -> None:
    one, two = vault.give(key_id="key_1"), vault.give(key_id="key_2")
    for _ in range(3):
        assert (await read(client, one)).json == {"id": "mer_1"}
    assert vault.asked == 1
    assert (await read(client, two)).status == 200
    first, last = (vault.worker.of("merchants.GetMerchant")[number].caller for number in (0, -1))
    assert first is not None
    assert last is not None
    assert (first.principal, first.session, first.oversees) == ("mer_1", "key_1", False)
    assert (last.principal, last.session, last.address) == ("mer_1", "key_2", "127.0.0.1")


async def test_a_key_is_remembered_once_however_it_is_written(client: Client, vault: Vault, gateway: Gateway) -> None:
    key = vault.give()
    for scheme in ("Bearer", "bearer", "Bearer" + " " * 3000):
        answer = await client.get(MERCHANT, anonymous=True, headers={"Authorization": f"{scheme} {key}"})
        assert answer.status == 200
    assert (vault.asked, len(gateway.instance.api_keys._sessions)) == (1, 1)


async def test_many_who_ask_at_once_ask_once(client: Client, vault: Vault) -> None:
    key = vault.give()
    vault.worker.delay_seconds = 0.1
    answers = await asyncio.gather(*(read(client, key) for _ in range(10)))
    assert {answer.status for answer in answers} == {200}
    assert vault.asked == 1


async def test_a_typo_is_refused_without_a_look_up(client: Client, vault: Vault) -> None:
    key = vault.give()
    other = "a" if key[-1] != "a" else "b"
    for wrong in (key[:-1], key + "0", key[:-1] + other, "sk_", "sk_live_123", key.lower(), "sk_" + "_" * 46):
        await refused(client, wrong)
    assert vault.asked == 0


async def test_what_is_not_a_key_is_no_token_either(client: Client) -> None:
    for wrong in ("sk_a.b.c", "sk_é", "sk_" + "a" * 300):
        await refused(client, wrong, code="token_invalid")


async def test_an_unknown_key_is_remembered_as_such(client: Client, vault: Vault) -> None:
    key = made()
    for _ in range(3):
        await refused(client, key)
    assert vault.asked == 1


async def test_wrong_keys_are_throttled_and_good_ones_in_use_are_not(start: Start, join: Join, vault: Vault) -> None:
    async with start(wrong_key_limit_per_minute=3) as gateway:
        client = join(gateway)
        good = vault.give()
        assert (await read(client, good)).status == 200
        codes = [(await read(client, made())).code for _ in range(3)]
        asked = vault.asked
        # A window may have ended meanwhile: then there are three more.
        while len(codes) < 9 and codes[-1] != "rate_limited":
            codes.append((await read(client, made())).code)
        assert codes[:3] == ["api_key_invalid"] * 3
        assert codes[-1] == "rate_limited"
        assert vault.asked <= asked + len(codes) - 3
        asked = vault.asked
        answer = await read(client, made())
        assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (429, True)
        assert vault.asked == asked
        assert (await read(client, good)).status == 200


async def test_a_key_may_do_what_its_scopes_say(client: Client, vault: Vault) -> None:
    key = vault.give(scopes=["payments:create"])
    await refused(client, key, 403, "permission_denied")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/merchants", {"name": "Kopi", "currency": "IDR"}),
        ("POST", "/v1/merchants/mer_1/api-keys", {"name": "Till", "scopes": ["merchants:read"]}),
        ("DELETE", "/v1/merchants/mer_1/api-keys/key_1", None),
        ("POST", "/v1/merchants/mer_1/approve", {"reason": "I say so"}),
        ("GET", "/v1/auth/me", None),
        ("GET", "/v1/wallets", None),
    ],
)
async def test_what_takes_a_person_refuses_keys(
    client: Client, vault: Vault, method: str, path: str, body: dict[str, Any] | None
) -> None:
    headers = {"Authorization": f"Bearer {vault.give()}"}
    answer = await client.call(method, path, body, anonymous=True, headers=headers)
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert {one.type for one in vault.worker.heard} <= {
        "identity.GetAccess.v1",
        "identity.GetSigningKeys.v1",
        "merchants.FindApiKey.v1",
    }


async def test_nobody_passes_on_what_they_lack(client: Client, gateway: Gateway, join: Join, worker: Worker) -> None:
    worker.on("merchants.CreateApiKey", {"id": "key_1", "key": None})
    worker.on("operations.GetReveals", {"values": {"key": "sk_shown"}})
    worker.access["roles"] = []
    body = {"name": "Till", "scopes": ["merchants:read", "payments:create"]}
    made = await client.post(f"{MERCHANT}/api-keys", body)
    assert (made.status, made.json["key"]) == (201, "sk_shown")
    assert made.headers["Location"] == f"{MERCHANT}/api-keys/key_1"
    grant = {"name": "clerk", "version": 1, "permissions": ["api_keys:create", "merchants:read"]}
    worker.access["roles"] = [grant]
    gateway.instance.rights.doubt()
    await until(lambda: gateway.instance.rights.loaded)
    clerk = join(gateway, roles=["clerk"])
    answer = await clerk.post(f"{MERCHANT}/api-keys", body)
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert (await clerk.post(f"{MERCHANT}/api-keys", body | {"scopes": ["merchants:read"]})).status == 201


async def test_scopes_that_no_key_can_have_are_not_valid(client: Client) -> None:
    for scopes in ([], ["wallets:create"], ["api_keys:create"], ["merchants:read_any"], ["*"], "merchants:read"):
        answer = await client.post(f"{MERCHANT}/api-keys", {"name": "Till", "scopes": scopes})
        assert (answer.status, answer.code) == (422, "validation_failed")


async def test_a_key_is_refused_while_its_merchant_is_not_active(client: Client, vault: Vault) -> None:
    key = vault.give(active=False)
    for _ in range(2):
        await refused(client, key, 403, "merchant_not_active")
    assert vault.asked == 1
    vault.holders[api_key.digest(key)]["active"] = True
    await vault.changed()
    await eventually(client, key, 200)
    vault.holders[api_key.digest(key)]["active"] = False
    await vault.changed()
    await eventually(client, key, 403)


async def eventually(client: Client, key: str, status: int) -> None:
    async with asyncio.timeout(20):
        while (await read(client, key)).status != status:  # noqa: ASYNC110 - what is awaited is another's answer
            await asyncio.sleep(0.01)


async def test_a_revoked_key_is_refused_at_every_gateway(start: Start, join: Join, vault: Vault) -> None:
    async with start() as one, start() as two:
        here, there = join(one), join(two)
        key, kept = vault.give(key_id="key_1"), vault.give(key_id="key_2")
        for client in (here, there):
            assert (await read(client, key)).status == (await read(client, kept)).status == 200
        asked = vault.asked
        vault.take(key)
        await vault.revoked("key_1")
        for client in (here, there):
            await eventually(client, key, 401)
            assert (await read(client, kept)).status == 200
        assert vault.asked == asked + 2


async def test_an_answer_that_an_event_overtook_is_not_believed(client: Client, gateway: Gateway, vault: Vault) -> None:
    key = vault.give(key_id="key_1")
    find, answered = vault.worker.scripts["merchants.FindApiKey"], asyncio.Event()

    def overtaken(envelope: Envelope) -> Any:
        # It is revoked after it was read and before the answer arrives.
        answer = find(envelope)
        if not answered.is_set():
            answered.set()
            vault.take(key)
            gateway.instance.rights.hear(ApiKeyChanged.wire_name, {"key": {"id": "key_1"}, "change": "revoked"})
        return answer

    vault.worker.on("merchants.FindApiKey", overtaken)
    await refused(client, key)
    assert vault.asked == 2


async def test_after_an_interruption_keys_are_asked_for_again(client: Client, gateway: Gateway, vault: Vault) -> None:
    key = vault.give()
    assert (await read(client, key)).status == 200
    vault.take(key)
    gateway.instance.rights.doubt()
    await until(lambda: gateway.instance.rights.loaded)
    await refused(client, key)


@pytest.mark.parametrize("body", [{"grant": {}}, {}, {"grant": None, "sessions": 7}])
async def test_an_event_of_another_version_is_a_doubt_and_takes_no_other_with_it(
    client: Client, gateway: Gateway, vault: Vault, body: dict[str, Any]
) -> None:
    key = vault.give()
    assert (await read(client, key)).status == 200
    vault.take(key)
    for kind in (RoleChanged, UserAccessChanged, SessionsRevoked, ApiKeyChanged):
        await vault.tell(kind.wire_name, body)
    await until(lambda: vault.worker.of("identity.GetAccess")[1:])
    await until(lambda: gateway.instance.rights.loaded)
    await refused(client, key)


async def test_a_key_ends_when_it_was_to_end(client: Client, vault: Vault) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=4)
    key = vault.give(expires_at=ends.isoformat())
    assert (await read(client, key)).status == 200
    vault.take(key)
    await asyncio.sleep(ends.timestamp() + 0.1 - time.time())
    await refused(client, key)


async def test_a_key_is_asked_for_again_after_a_while(start: Start, join: Join, vault: Vault) -> None:
    async with start(api_key_cache_seconds=0.2) as gateway:
        client, key = join(gateway), vault.give()
        assert (await read(client, key)).status == 200
        await asyncio.sleep(0.3)
        assert (await read(client, key)).status == 200
        assert vault.asked == 2


async def test_while_no_worker_answers_a_key_is_neither_good_nor_wrong(start: Start, join: Join, vault: Vault) -> None:
    async with start(query_timeout_seconds=1.5) as gateway:
        client, key = join(gateway), vault.give()
        vault.worker.silent.add("merchants.FindApiKey.v1")
        await refused(client, key, 503, "busy")
        vault.worker.silent.clear()
        assert (await read(client, key)).status == 200


async def test_last_uses_are_told_now_and_then(start: Start, join: Join, vault: Vault) -> None:
    async with start(api_key_note_seconds=0.5) as gateway:
        client, key = join(gateway), vault.give(key_id="key_1")
        before = time.time()
        for _ in range(5):
            assert (await read(client, key)).status == 200
        await until(lambda: vault.worker.of("merchants.NoteKeyUses"))
        uses = [use for one in vault.worker.of("merchants.NoteKeyUses") for use in one.body["uses"]]
        assert {use["key_id"] for use in uses} == {"key_1"}
        assert datetime.fromisoformat(uses[0]["at"]).timestamp() >= before - 1
        assert len(uses) < 5


async def test_a_gateway_that_stops_notes_the_use_of_keys(start: Start, join: Join, vault: Vault) -> None:
    async with start(api_key_note_seconds=3600, drain_seconds=30) as gateway:
        assert (await read(join(gateway), vault.give())).status == 200
    assert len(vault.worker.of("merchants.NoteKeyUses")) == 1


async def test_a_gateway_that_stops_does_not_wait_for_workers(start: Start, join: Join, vault: Vault) -> None:
    async with start(call_timeout_seconds=120) as gateway:
        assert (await read(join(gateway), vault.give())).status == 200
        vault.worker.silent.add("merchants.NoteKeyUses.v1")
    assert len(vault.worker.of("merchants.NoteKeyUses")) == 1


async def test_the_caches_of_keys_are_bounded(start: Start, join: Join, vault: Vault) -> None:
    async with start(token_cache_size=3) as gateway:
        client = join(gateway)
        for _ in range(5):
            assert (await read(client, vault.give())).status == 200
            await refused(client, made())
        assert len(gateway.instance.api_keys._sessions) == 3
        assert len(gateway.instance.api_keys._unknown) == 3
