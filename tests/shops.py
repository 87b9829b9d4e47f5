"""Merchants over HTTP: a shop's machine that calls with an API key, and the cards that it is shown."""

from typing import Any

from tests.people import Answer, Json, Person, key

SCOPES = [
    "merchants:read",
    "operations:read",
    "payments:capture",
    "payments:create",
    "payments:read",
    "payments:refund",
    "payments:void",
]
PRINTED = ("pan", "cvv", "exp_month", "exp_year")


class Shop(Person):
    """The machine of an active merchant of its `owner`, whose money lands in `wallet`."""

    owner: Person
    merchant: str
    wallet: str
    key_id: str

    @classmethod
    async def opened(cls, owner: Person, admin: Person, *, fixed: int = 0, basis_points: int = 0) -> "Shop":
        """A new one, approved by `admin` on these terms."""
        shop = cls(owner.http, owner.gateways, patient=owner.patient)
        made = await owner.post("/v1/merchants", {"name": "Kopi", "currency": "IDR"})
        assert made.status == 201, made
        shop.owner, shop.merchant, shop.wallet = owner, made.json["id"], made.json["settlement_wallet_id"]
        path = f"/v1/merchants/{shop.merchant}"
        fee = {"fixed": fixed, "basis_points": basis_points}
        for answer in (
            await admin.call("PATCH", path, {"fee": fee}),
            await admin.post(f"{path}/approve", {"reason": "Papers seen"}),
        ):
            assert answer.status == 200, answer
        shop.key_id, shop.token = await shop.another_key()
        return shop

    async def another_key(self, *scopes: str) -> tuple[str, str]:
        """The id of one more key, and the key."""
        wanted = {"name": "Till", "scopes": list(scopes or SCOPES)}
        made = await self.owner.post(f"/v1/merchants/{self.merchant}/api-keys", wanted)
        assert made.status == 201, made
        return made.json["id"], made.json["key"]

    async def pay(self, card: Json, amount: Json = 1_000, *, prefer: str | None = "wait=20", **options: Any) -> Answer:
        """Take money from a card, by its id or by what is printed on it, and wait for it."""
        fields = options.pop("fields", {})
        body = {"card": card, "amount": amount, "currency": "IDR"} | fields
        return await self.post("/v1/payments", body, prefer=prefer, **{"key": key(), **options})

    async def authorize(self, card: Json, amount: int = 1_000) -> str:
        """The id of a payment that waits to be captured."""
        answer = await self.pay(card, amount, fields={"capture": "manual"})
        assert (answer.status, answer.json["status"]) == (201, "authorized"), answer
        return str(answer.json["id"])

    async def move(self, payment: str, move: str, body: Json = None, **options: Any) -> Answer:
        """`capture`, `void` or `refunds` of a payment, to its end."""
        return await self.post(f"/v1/payments/{payment}/{move}", body, **{"key": key(), "prefer": "wait=20", **options})


def by_id(card: Json) -> Json:
    """The card as a customer's device names it."""
    return {"id": card["id"]}


def printed(card: Json, **changes: Json) -> Json:
    """The card as it is typed in."""
    return {name: card[name] for name in PRINTED} | changes


def wrong_code(card: Json) -> str:
    """A CVV that is not this card's."""
    return "000" if card["cvv"] != "000" else "001"
