"""Every route as nobody, with tokens that are none, and as another customer: refused, and nothing changed."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts.identity import CUSTOMER
from gateway.edge import Route
from gateway.routes import ROUTES
from tests.people import Json, Person, key, order, payout
from tests.system import System

TYPE = "at+jwt"
CHANGES = ("freeze", "unfreeze", "cancel", "archive", "restore")
GUARDED = [route for route in ROUTES if route.scope is not None]
OPERATORS = [route for route in GUARDED if route.scope not in CUSTOMER]


@dataclass(frozen=True)
class Things:
    """What Ani has, and who she is."""

    ani: Person
    ids: dict[str, str]
    other_wallet: str

    def path(self, route: Route) -> str:
        """The route about Ani's things."""
        return route.path.format(**self.ids)

    def body(self, route: Route) -> Json:
        """What somebody could say there if it were theirs."""
        wallet = self.ids["wallet_id"]
        bodies = {
            "POST /v1/wallets": {"currency": "IDR"},
            "PATCH /v1/wallets/{wallet_id}": {"label": "Mine now"},
            "POST /v1/topups": {
                "wallet_id": wallet,
                "amount": 5,
                "currency": "IDR",
                "method": "bca_virtual_account",
            },
            "POST /v1/transfers": order(wallet, self.other_wallet, 5),
            "POST /v1/cards": {"wallet_id": wallet, "brand": "visa", "type": "debit"},
            "PATCH /v1/cards/{card_id}": {"label": "Mine now"},
            **{f"POST /v1/cards/{{card_id}}/{change}": {"reason": "Why not?"} for change in CHANGES},
            "PUT /v1/users/{user_id}/roles": {"roles": ["customer"]},
            "POST /v1/roles": {"name": "mine", "permissions": []},
            "PATCH /v1/roles/{role_id}": {"description": "Mine now"},
            "POST /v1/users": {"email": "mine@example.com", "first_name": "My", "last_name": "Own"},
            "PATCH /v1/users/{user_id}": {"first_name": "Mine"},
            **{f"POST /v1/users/{{user_id}}/{change}": {"reason": "Why not?"} for change in ("archive", "restore")},
            "DELETE /v1/users/{user_id}": {"reason": "Why not?"},
            "POST /v1/users/archived/restore": {"reason": "Why not?"},
            "DELETE /v1/users/archived": {"reason": "Why not?"},
            "POST /v1/merchants": {"name": "Kopi", "currency": "IDR"},
            "PATCH /v1/merchants/{merchant_id}": {"name": "Mine now"},
            "POST /v1/merchants/{merchant_id}/approve": {"reason": "I say so"},
            "POST /v1/merchants/{merchant_id}/suspend": {"reason": "I say so"},
            "POST /v1/merchants/{merchant_id}/archive": {"reason": "I say so"},
            "POST /v1/merchants/{merchant_id}/restore": {"reason": "I say so"},
            "POST /v1/merchants/{merchant_id}/api-keys": {"name": "Mine", "scopes": ["merchants:read"]},
            "POST /v1/merchants/{merchant_id}/api-keys/{key_id}/rotate": {"overlap_seconds": 0},
            "POST /v1/auth/password": {"current_password": self.ani.password, "new_password": "mine from now on"},
            "POST /v1/auth/totp/confirm": {"code": "123456"},
            "DELETE /v1/auth/totp": {"password": self.ani.password},
            "POST /v1/withdrawals": payout(wallet, 10_000),
            "POST /v1/withdrawals/{withdrawal_id}/resolve": {"outcome": "failed", "reason": "I say so."},
            "POST /v1/topups/{topup_id}/resolve": {"outcome": "failed", "reason": "I say so."},
            "POST /v1/topups/{topup_id}/reverse": {"reason": "I say so."},
            "POST /v1/payments": {"card": {"id": self.ids["card_id"]}, "amount": 5, "currency": "IDR"},
            "POST /v1/payments/{payment_id}/capture": {"amount": 5},
            "POST /v1/payments/{payment_id}/refunds": {"amount": 5},
        }
        if route.path.startswith("/v1/ops/") and route.method != "GET":
            return {"reason": "Mine now", "type": "ledger.OpenWallet.v1"}
        takes_body = route.method != "GET" and route.body_fields
        assert not takes_body or route.name in bodies, f"say here what one may send to {route.name}"
        return bodies.get(route.name)

    async def all(self) -> Json:
        """Everything that Ani sees."""
        wallets = await self.ani.listed("/v1/wallets")
        statements = [await self.ani.listed(f"/v1/wallets/{one['id']}/movements") for one in wallets]
        lists = [
            await self.ani.listed(f"/v1/{name}")
            for name in ("topups", "transfers", "withdrawals", "cards?include=archived")
        ]
        merchants = await self.ani.listed("/v1/merchants?include=archived")
        keys = [await self.ani.listed(f"/v1/merchants/{one['id']}/api-keys") for one in merchants]
        return [wallets, statements, *lists, merchants, keys, await self.ani.listed("/v1/users")]


@pytest.fixture(scope="session")
def system(together: System) -> System:
    """Who may do what is decided at the edge and in the handlers: one arrangement will do."""
    return together


@pytest.fixture(scope="module")
async def things(together: System, http: aiohttp.ClientSession) -> Things:
    """Ani's wallet, top-up, transfer, withdrawal and operation."""
    ani = await Person(http, together.gateways).join()
    wallet, other = await ani.open(), await ani.open()
    topup = await ani.top_up(wallet, 1_000)
    transfer = await ani.transfer(wallet, other, 10)
    accepted = await ani.transfer(wallet, other, 1, prefer=None)
    await ani.outcome(accepted.json["id"])
    merchant = await ani.post("/v1/merchants", {"name": "Kopi", "currency": "IDR"})
    keys = f"/v1/merchants/{merchant.json['id']}/api-keys"
    api_key = await ani.post(keys, {"name": "Till", "scopes": ["merchants:read"]})
    withdrawal = await ani.withdraw(await ani.open(funds=1_000_000), 10_000)
    ids = {
        "withdrawal_id": withdrawal.json["id"],
        "user_id": ani.user["id"],
        "session_id": (await ani.listed("/v1/auth/sessions"))[0]["id"],
        "role_id": "rol_of_hers",
        "merchant_id": merchant.json["id"],
        "key_id": api_key.json["id"],
        "wallet_id": wallet,
        "card_id": (await ani.issue(wallet))["id"],
        "topup_id": topup.json["id"],
        "transfer_id": transfer.json["id"],
        "operation_id": accepted.json["id"],
        "payment_id": "pay_of_hers",
        "refund_id": "ref_of_hers",
        "saga_id": "sag_of_hers",
        "letter_id": "dlt_of_hers",
        "reconciliation_id": "rec_of_hers",
        "item_id": "rit_of_hers",
    }
    return Things(ani, ids, other)


def _claims(person: Person, **changes: Any) -> dict[str, Any]:
    assert person.token is not None
    claims: dict[str, Any] = jwt.decode(person.token, options={"verify_signature": False})
    return claims | changes


def _real_key(system: System) -> tuple[str, Ed25519PrivateKey]:
    first = json.loads(system.secrets["SIGNING_KEYS"])[0]
    return first["kid"], Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(first["seed"]))


def _forgeries(system: System, person: Person) -> dict[str, str]:
    """Tokens that prove nothing."""
    kid, real = _real_key(system)
    claims, header = _claims(person), {"kid": kid, "typ": TYPE}
    assert person.token is not None
    head, payload, signature = person.token.split(".")
    public = real.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    promoted = base64.urlsafe_b64encode(json.dumps(claims | {"roles": ["admin"]}).encode()).decode().rstrip("=")
    return {
        "another key": jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers=header),
        "unknown kid": jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": "mine", "typ": TYPE}),
        "no kid": jwt.encode(claims, real, "EdDSA", headers={"typ": TYPE}),
        "another type": jwt.encode(claims, real, "EdDSA", headers={"kid": kid}),
        "public key as secret": jwt.encode(claims, public.hex(), "HS256", headers=header),
        "no algorithm": jwt.encode(claims, "", "none", headers=header),
        "another audience": jwt.encode(claims | {"aud": "others"}, real, "EdDSA", headers=header),
        "another issuer": jwt.encode(claims | {"iss": "others"}, real, "EdDSA", headers=header),
        "promoted": f"{head}.{promoted}.{signature}",
        "no signature": f"{head}.{payload}.",
        "half": person.token[:40],
        "nothing": "",
        "not ASCII": "tökén",
    }


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
async def test_nobody_gets_nowhere(nobody: Person, things: Things, route: Route) -> None:
    before = await things.all()
    refused = await nobody.call(route.method, things.path(route), things.body(route), key=key(), prefer="wait=2")
    assert (refused.status, refused.code) == (401, "token_invalid")
    basic = {"Authorization": aiohttp.encode_basic_auth(things.ani.email, things.ani.password)}
    refused = await nobody.call(route.method, things.path(route), things.body(route), key=key(), headers=basic)
    assert (refused.status, refused.code) == (401, "token_invalid")
    assert await things.all() == before


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
async def test_an_expired_token_says_so_and_nothing_else(
    nobody: Person, things: Things, together: System, route: Route
) -> None:
    before = await things.all()
    kid, real = _real_key(together)
    past = int(time.time()) - 3600
    nobody.token = jwt.encode(
        _claims(things.ani, iat=past, exp=past + 900), real, "EdDSA", headers={"kid": kid, "typ": TYPE}
    )
    refused = await nobody.call(route.method, things.path(route), things.body(route), key=key(), prefer="wait=2")
    assert (refused.status, refused.code) == (401, "token_expired")
    assert await things.all() == before


async def test_a_token_that_runs_out_while_in_use_is_refused(nobody: Person, things: Things, together: System) -> None:
    kid, real = _real_key(together)
    soon = int(time.time()) + 5
    nobody.token = jwt.encode(_claims(things.ani, exp=soon), real, "EdDSA", headers={"kid": kid, "typ": TYPE})
    assert (await nobody.get("/v1/auth/me")).status == 200
    await asyncio.sleep(soon + 0.1 - time.time())
    assert (await nobody.get("/v1/auth/me")).code == "token_expired"


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
async def test_a_forged_token_gets_nowhere(nobody: Person, things: Things, together: System, route: Route) -> None:
    before = await things.all()
    for how, token in _forgeries(together, things.ani).items():
        nobody.token = token
        refused = await nobody.call(route.method, things.path(route), things.body(route), key=key(), prefer="wait=2")
        assert (refused.status, refused.code) == (401, "token_invalid"), how
    assert await things.all() == before


async def test_who_has_no_role_may_do_nothing(nobody: Person, things: Things, together: System) -> None:
    kid, real = _real_key(together)
    nobody.token = jwt.encode(_claims(things.ani, roles=["stranger"]), real, "EdDSA", headers={"kid": kid, "typ": TYPE})
    for route in GUARDED:
        refused = await nobody.call(route.method, things.path(route), things.body(route), key=key())
        assert (refused.status, refused.code) == (403, "permission_denied"), route.name


@pytest.mark.parametrize("route", OPERATORS, ids=lambda route: route.name)
async def test_what_operators_do_is_refused_to_customers(budi: Person, things: Things, route: Route) -> None:
    refused = await budi.call(route.method, things.path(route), things.body(route), prefer="wait=5")
    assert (refused.status, refused.code) == (403, "permission_denied")


@pytest.mark.parametrize(
    "route", [route for route in GUARDED if route.parameters and route not in OPERATORS], ids=lambda route: route.name
)
async def test_somebody_elses_thing_is_not_found(budi: Person, things: Things, route: Route) -> None:
    before = await things.all()
    refused = await budi.call(route.method, things.path(route), things.body(route), key=key(), prefer="wait=5")
    assert (refused.status, refused.code) == (404, "not_found")
    unknown = route.path.format(**dict.fromkeys(things.ids, "xyz_unknown"))
    same = await budi.call(route.method, unknown, things.body(route), key=key(), prefer="wait=5")
    assert (same.status, same.json["detail"]) == (404, refused.json["detail"])
    assert await things.all() == before


@pytest.mark.parametrize("name", ["POST /v1/topups", "POST /v1/transfers", "POST /v1/withdrawals", "POST /v1/cards"])
async def test_somebody_elses_wallet_is_not_found_in_a_body(budi: Person, things: Things, name: str) -> None:
    before = await things.all()
    route = next(route for route in ROUTES if route.name == name)
    refused = await budi.post(route.path, things.body(route), key=key(), prefer="wait=20")
    assert (refused.status, refused.code) == (404, "not_found")
    assert await things.all() == before


async def test_lists_hold_nothing_of_others(budi: Person, things: Things) -> None:
    wallet = things.ids["wallet_id"]
    for path in (
        "wallets",
        "topups",
        "transfers",
        "cards",
        f"cards?wallet_id={wallet}",
        "withdrawals",
        f"withdrawals?wallet_id={wallet}",
        f"topups?wallet_id={wallet}",
        f"transfers?wallet_id={wallet}",
    ):
        assert await budi.listed(f"/v1/{path}") == []


async def test_everybody_finds_only_themselves(budi: Person, things: Things) -> None:
    assert [user["id"] for user in await budi.listed("/v1/users?include=archived")] == [budi.user["id"]]
    assert await budi.listed(f"/v1/users?search={things.ani.email}") == []


async def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(budi: Person, things: Things) -> None:
    cursor = (await things.ani.read("/v1/wallets?limit=1"))["next"]
    answer = await budi.get(f"/v1/wallets?after={cursor}")
    assert answer.status == 422 or answer.json["data"] == []
