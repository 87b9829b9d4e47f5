"""The demo journey: two people, two wallets, a top-up and a transfer, over HTTP like anybody's client."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any

from ops.conversation import Conversation
from ops.trouble import Trouble

# In minor units.
TOP_UP, TRANSFER = 250_000_00, 75_000_00
CURRENCY, MINOR_PER_MAJOR = "IDR", 100
OUTCOME_SECONDS_MAX = 60.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody with an account, logged in, with an open wallet."""

    email: str
    token: str
    wallet_id: str


def run(url: str) -> None:
    """Walk through the journey at the gateway; raise `Trouble` where an answer is not as promised."""
    asyncio.run(journey(url))


async def journey(url: str) -> None:
    """The whole journey, for callers that have an event loop already."""
    async with Conversation(url) as talk:
        talk.chapter("Two people register, log in and open wallets")
        ani = await _join(talk, "Ani", "Wijaya")
        budi = await _join(talk, "Budi", "Santoso")
        talk.chapter(f"Ani tops up {_money(TOP_UP)} and sends Budi {_money(TRANSFER)}")
        await _top_up(talk, ani)
        await _transfer(talk, ani, budi)
        talk.chapter("Both read their statements")
        _expect(await _statement(talk, ani), [-TRANSFER, TOP_UP], TOP_UP - TRANSFER)
        _expect(await _statement(talk, budi), [TRANSFER], TRANSFER)


async def _join(talk: Conversation, first_name: str, last_name: str) -> Person:
    # A new address each time, so that the journey can be walked again on the same data.
    email = f"{first_name.lower()}.{secrets.token_hex(4)}@example.com"
    password = secrets.token_urlsafe(16)
    about = {"email": email, "password": password, "first_name": first_name, "last_name": last_name}
    await talk.post("/v1/auth/register", about, expect=201)
    session = await talk.post("/v1/auth/login", {"email": email, "password": password}, expect=200)
    token = session["access_token"]
    wallet = await talk.post("/v1/wallets", {"currency": CURRENCY, "label": "Everyday"}, expect=201, token=token)
    return Person(email, token, wallet["id"])


async def _top_up(talk: Conversation, person: Person) -> None:
    methods = await talk.get("/v1/topup-methods", token=person.token)
    method = next(method for method in methods["data"] if method["currency"] == CURRENCY)
    wanted = {"wallet_id": person.wallet_id, "amount": TOP_UP, "currency": CURRENCY, "method": method["id"]}
    operation = await talk.post("/v1/topups", wanted, expect=202, token=person.token, key=_key())
    await _outcome(talk, person, operation)


async def _transfer(talk: Conversation, sender: Person, receiver: Person) -> None:
    wanted = {
        "source": {"wallet_id": sender.wallet_id},
        "destination": {"email": receiver.email},
        "amount": TRANSFER,
        "currency": CURRENCY,
        "note": "Lunch",
    }
    operation = await talk.post("/v1/transfers", wanted, expect=202, token=sender.token, key=_key())
    await _outcome(talk, sender, operation)


async def _outcome(talk: Conversation, person: Person, operation: Json) -> None:
    """Poll the operation, each time waiting at the server, until it is finished."""
    deadline = time.monotonic() + OUTCOME_SECONDS_MAX
    while operation["status"] in {"pending", "unknown"}:
        if time.monotonic() > deadline:
            raise Trouble(f"Operation {operation['id']} has no outcome after {OUTCOME_SECONDS_MAX:.0f} seconds.")
        operation = await talk.get(f"/v1/operations/{operation['id']}", token=person.token, wait_seconds=10)
    if operation["status"] != "succeeded":
        raise Trouble(f"Operation {operation['id']} {operation['status']}: {operation['problem']}")


async def _statement(talk: Conversation, person: Person) -> tuple[list[int], int]:
    movements = await talk.get(f"/v1/wallets/{person.wallet_id}/movements", token=person.token)
    wallet = await talk.get(f"/v1/wallets/{person.wallet_id}", token=person.token)
    return [movement["amount"] for movement in movements["data"]], wallet["balance"]["available"]


def _expect(statement: tuple[list[int], int], amounts: list[int], available: int) -> None:
    if statement != (amounts, available):
        raise Trouble(f"The statement says {statement} instead of {(amounts, available)}.")


def _money(amount: int) -> str:
    major, minor = divmod(amount, MINOR_PER_MAJOR)
    return f"{CURRENCY} {major:,}.{minor:02}"


def _key() -> str:
    return secrets.token_urlsafe(16)
