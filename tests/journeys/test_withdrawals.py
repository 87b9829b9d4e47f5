"""Withdrawals over HTTP: the money, the bank's bad days, who may do what, and what the bank says by itself."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import aiohttp
import pytest

from tests.journeys.conftest import PATIENT
from tests.people import Answer, Json, Person, key
from tests.system import System, Systems, eventually
from workers.runtime.settings import Settings

FUNDS = 5_000_000
FEE = 2_500
AMOUNT = 1_000_000
GRACE_SECONDS = Settings.model_fields["withdrawal_grace_seconds"].default


async def _becomes(person: Person, withdrawal: str, status: str) -> Json:
    found: Json = None

    async def there() -> bool:
        nonlocal found
        found = await person.read(f"/v1/withdrawals/{withdrawal}")
        return bool(found["status"] == status)

    await eventually(f"{withdrawal} becomes {status}", 30, there)
    return found


async def test_a_withdrawal_is_paid_and_its_fee_with_it(ani: Person) -> None:
    wallet = await ani.open(funds=FUNDS)
    beneficiary = {"bank": "Crédit Agricole (CA)".ljust(100, "é"), "account_number": "1234567890", "name": "アニ"}
    answer = await ani.withdraw(wallet, AMOUNT, fields={"beneficiary": beneficiary, "metadata": {"order": "7"}})
    assert answer.status == 201
    withdrawal = answer.json
    assert answer.headers["Location"] == f"/v1/withdrawals/{withdrawal['id']}"
    assert withdrawal["id"].startswith("wdr_")
    assert (withdrawal["amount"], withdrawal["fee"], withdrawal["currency"]) == (AMOUNT, FEE, "IDR")
    assert withdrawal["beneficiary"] == beneficiary
    paid = await _becomes(ani, withdrawal["id"], "paid")
    assert paid["metadata"] == {"order": "7"}
    assert await ani.balance(wallet) == (FUNDS - AMOUNT - FEE, 0, FUNDS - AMOUNT - FEE)
    kinds = [(one["kind"], one["amount"]) for one in await ani.listed(f"/v1/wallets/{wallet}/movements")]
    assert sorted(kinds[:2]) == [("fee", -FEE), ("withdrawal", -AMOUNT)]
    assert await ani.listed("/v1/withdrawals?status=paid") == [paid]
    assert await ani.listed(f"/v1/withdrawals?wallet_id={wallet}&status=failed") == []


async def test_what_the_bank_refuses_is_given_back(ani: Person) -> None:
    wallet = await ani.open(funds=FUNDS)
    beneficiary = {"bank": "BCA", "account_number": "00004006", "name": "Ani"}
    refused = await ani.withdraw(wallet, AMOUNT, fields={"beneficiary": beneficiary})
    assert (refused.status, refused.code) == (402, "declined")
    [failed] = await ani.listed("/v1/withdrawals")
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "declined")
    assert await ani.balance(wallet) == (FUNDS, 0, FUNDS)


async def test_accepted_is_finished_and_what_comes_later_shows_on_the_resource(ani: Person) -> None:
    wallet = await ani.open(funds=FUNDS)
    beneficiary = {"bank": "BCA", "account_number": "00004010", "name": "Ani"}
    answer = await ani.withdraw(wallet, AMOUNT, fields={"beneficiary": beneficiary})
    assert (answer.status, answer.json["status"]) == (201, "in_transit")
    assert await ani.balance(wallet) == (FUNDS, AMOUNT + FEE, FUNDS - AMOUNT - FEE)
    late = await ani.post(f"/v1/withdrawals/{answer.json['id']}/cancel")
    assert (late.status, late.code) == (409, "cancel_too_late")
    await _becomes(ani, answer.json["id"], "paid")


async def test_a_repeat_is_the_same_withdrawal(ani: Person) -> None:
    wallet, mine = await ani.open(funds=FUNDS), key()
    first = await ani.withdraw(wallet, AMOUNT, key=mine)
    again = await ani.withdraw(wallet, AMOUNT, key=mine, at=1)
    assert (first.status, again.status, again.json["id"]) == (201, 201, first.json["id"])
    await _becomes(ani, first.json["id"], "paid")
    assert await ani.balance(wallet) == (FUNDS - AMOUNT - FEE, 0, FUNDS - AMOUNT - FEE)


@pytest.fixture
async def patient(systems: Systems) -> AsyncIterator[System]:
    """A system that gives people the time to think better of it that is the default, and takes a fee of 7."""
    grace = {"WITHDRAWAL_GRACE_SECONDS": str(GRACE_SECONDS)}
    terms = {"WITHDRAWAL_TERMS": json.dumps({"IDR": {"fee": 7}})}
    async with systems.running("patient", split=False, gateways=1, settings=PATIENT | grace | terms) as system:
        yield system


async def test_who_thinks_better_of_it_in_time_has_everything_back(
    patient: System, http: aiohttp.ClientSession
) -> None:
    ani = await Person(http, patient.gateways).join()
    wallet = await ani.open(funds=FUNDS)
    waited = await ani.withdraw(wallet, AMOUNT)
    assert (waited.status, waited.json["status"], waited.json["fee"]) == (201, "in_transit", 7)
    paid = await _becomes(ani, waited.json["id"], "paid")
    took = datetime.fromisoformat(paid["completed_at"]) - datetime.fromisoformat(paid["created_at"])
    assert took >= timedelta(seconds=GRACE_SECONDS)
    accepted, canceled = await _canceled_in_time(ani, wallet)
    assert (canceled["status"], canceled["failure"]) == ("canceled", None)
    outcome = await ani.outcome(accepted["id"])
    assert (outcome["status"], outcome["problem"]["code"]) == ("failed", "canceled")
    left = FUNDS - len(await ani.listed("/v1/withdrawals?status=paid")) * (AMOUNT + 7)

    async def given_back() -> bool:
        return await ani.balance(wallet) == (left, 0, left)

    await eventually("everything is given back", 30, given_back)
    assert await ani.read(f"/v1/withdrawals/{canceled['id']}") == canceled


async def _canceled_in_time(ani: Person, wallet: str) -> tuple[Json, Json]:
    """The operation and what was canceled of it: on a busy machine even a script may be too late at first."""
    for _ in range(3):
        accepted = await ani.withdraw(wallet, AMOUNT, prefer="respond-async")
        assert accepted.status == 202
        [pending] = await ani.listed("/v1/withdrawals?status=pending")
        canceled = await ani.post(f"/v1/withdrawals/{pending['id']}/cancel", prefer="wait=20")
        if canceled.status == 200:
            return accepted.json, canceled.json
        assert canceled.code == "cancel_too_late"
        await _becomes(ani, pending["id"], "paid")
    raise AssertionError("always too late")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": 5_000_000}, 402, "insufficient_funds"),
        ({"amount": 10**12 + 1}, 422, "amount_out_of_range"),
        ({"currency": "USD"}, 422, "currency_mismatch"),
        ({"currency": "CHF"}, 422, "amount_out_of_range"),
        ({"wallet_id": "wal_unknown"}, 404, "not_found"),
        ({"card_id": "crd_1"}, 422, "validation_failed"),
        ({"wallet_id": None}, 422, "validation_failed"),
        ({"beneficiary": {"bank": "BCA", "account_number": "1", "name": "A"}}, 422, "validation_failed"),
        ({"beneficiary": {"bank": "B", "account_number": "DE00370400440532013000", "name": "A"}}, 422,
         "validation_failed"),
        ({"beneficiary": {"bank": "", "account_number": "12345678", "name": "A"}}, 422, "validation_failed"),
    ],
)  # fmt: skip
async def test_a_withdrawal_that_cannot_be_takes_nothing(ani: Person, change: Json, status: int, code: str) -> None:
    wallet = await ani.open(funds=FUNDS)
    refused = await ani.withdraw(wallet, AMOUNT, fields=change)
    assert (refused.status, refused.code) == (status, code)
    assert await ani.balance(wallet) == (FUNDS, 0, FUNDS)


async def test_twenty_at_once_take_what_is_there_and_no_more(ani: Person) -> None:
    wallet = await ani.open(funds=3 * (AMOUNT + FEE))
    answers = await asyncio.gather(*(ani.withdraw(wallet, AMOUNT) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [402] * 5
    for answer in answers:
        if answer.status == 201:
            await _becomes(ani, answer.json["id"], "paid")
    assert await ani.balance(wallet) == (0, 0, 0)


def _signed(system: System, body: bytes, *, name: str, secret: str | None = None) -> dict[str, str]:
    sent_at = str(int(time.time()))
    signed = b".".join((name.encode(), sent_at.encode(), body))
    digest = hmac.digest((secret or system.secrets["PROVIDER_CALLBACK_SECRET"]).encode(), signed, hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": name, "webhook-timestamp": sent_at, "webhook-signature": signature}


def _told(reference: str, **changes: Json) -> bytes:
    data = {"id": "pyt_x", "status": "succeeded", "reference": reference, "method": "bank_transfer", "amount": AMOUNT,
            "currency": "IDR", "version": 9} | changes  # fmt: skip
    return json.dumps({"id": "evt", "kind": "payout", "type": "payout.succeeded", "data": data}).encode()


async def _post(person: Person, body: bytes, headers: dict[str, str], provider: str = "sandbox") -> Answer:
    return await person.call("POST", f"/v1/callbacks/{provider}", body, headers=headers)


async def test_callbacks_that_are_forged_change_nothing(ani: Person, nobody: Person, system: System) -> None:
    wallet = await ani.open(funds=FUNDS)
    answer = await ani.withdraw(wallet, AMOUNT)
    await _becomes(ani, answer.json["id"], "paid")
    body = _told(answer.json["id"], status="reversed")
    right = _signed(system, body, name="evt_forged")
    for headers in (
        {},
        _signed(system, body, name="evt_forged", secret="guessed"),
        right | {"webhook-id": "evt_other"},
    ):
        refused = await _post(nobody, body, headers)
        assert (refused.status, refused.code) == (401, "signature_invalid")
    refused = await _post(nobody, body + b" ", right)
    assert refused.status == 401
    unknown = await _post(nobody, body, right, provider="nobody")
    assert (unknown.status, unknown.code) == (404, "not_found")
    assert (await ani.read(f"/v1/withdrawals/{answer.json['id']}"))["status"] == "paid"


async def test_callbacks_that_are_late_twice_or_about_nothing_are_harmless(
    ani: Person, nobody: Person, system: System
) -> None:
    wallet = await ani.open(funds=FUNDS)
    answer = await ani.withdraw(wallet, AMOUNT)
    await _becomes(ani, answer.json["id"], "paid")
    # The bank's own name for it is another one, and so is the number of its last word.
    for body in (_told(answer.json["id"]), _told("wdr_unknown"), _told("", version=1), _told("x" * 128)):
        for _ in range(2):
            heard = await _post(nobody, body, _signed(system, body, name=f"evt_{key()}"))
            assert heard.status in (200, 401)
    body = _told("wdr_unknown")
    once = _signed(system, body, name="evt_same")
    assert [(await _post(nobody, body, once)).json for _ in range(3)] == [{"received": True}] * 3
    assert (await ani.read(f"/v1/withdrawals/{answer.json['id']}"))["status"] == "paid"
    assert await ani.balance(wallet) == (FUNDS - AMOUNT - FEE, 0, FUNDS - AMOUNT - FEE)
