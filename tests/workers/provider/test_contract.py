"""What every adapter must do, whoever it speaks to: add yours to `PROVIDERS`."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from tests.workers import bank
from workers.provider.breaker import Breaker
from workers.provider.port import Beneficiary, Forged, Order, Provider
from workers.provider.sandbox import SandboxProvider, Settings

CHARGE = Order("charge", "top_1", "gopay", 50_000, "IDR")
PAYOUT = Order("payout", "wdr_1", "bank_transfer", 70_000, "IDR", Beneficiary("BCA", "1234567890", "Ani"))
DECLINED = replace(CHARGE, reference="top_2", amount=54_002)


@dataclass(frozen=True)
class Subject:
    """An adapter, and a callback as its provider would sign it at a time."""

    provider: Provider

    def callback(self, at: datetime, body: bytes | None = None, **changes: str | int) -> tuple[dict[str, str], bytes]:
        data = {"id": "chg_1", "status": "succeeded", "reference": "top_1", "method": "gopay", "amount": 50_000,
                "currency": "IDR", "version": 2, **changes}  # fmt: skip
        body = body or json.dumps({"id": "evt_1", "kind": "charge", "type": "charge.succeeded", "data": data}).encode()
        sent_at = str(int(at.timestamp()))
        signed = b".".join((b"evt_1", sent_at.encode(), body))
        digest = hmac.digest(bank.SECRET.encode(), signed, hashlib.sha256)
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": "evt_1", "webhook-timestamp": sent_at, "webhook-signature": f"v1,old {signature}"}, body


@asynccontextmanager
async def _sandbox(path: Path) -> AsyncIterator[Subject]:
    async with bank.opened(path / "contract.sqlite3") as opened, aiohttp.ClientSession() as http:
        settings = Settings(
            url=opened.url,
            key=SecretStr(bank.KEY),
            callback_secret=SecretStr(bank.SECRET),
            timeout_seconds=5,
            retries=2,
        )
        yield Subject(SandboxProvider(http, settings, Breaker(100, 1)))


PROVIDERS = {"sandbox": _sandbox}


@pytest.fixture(params=PROVIDERS)
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    async with PROVIDERS[request.param](tmp_path) as subject:
        yield subject


async def test_a_charge_happens_once_for_one_key(subject: Subject) -> None:
    words = await asyncio.gather(*(subject.provider.charge(CHARGE, key="top_1") for _ in range(5)))
    assert len({word.provider_id for word in words}) == 1
    assert (words[0].status, words[0].amount, words[0].reference) == ("succeeded", 50_000, "top_1")
    assert await subject.provider.status("charge", "top_1") == words[0]


async def test_a_payout_happens_once_for_one_key(subject: Subject) -> None:
    words = await asyncio.gather(*(subject.provider.payout(PAYOUT, key="wdr_1") for _ in range(5)))
    assert len({word.provider_id for word in words}) == 1
    assert (words[0].kind, words[0].status, words[0].amount) == ("payout", "succeeded", 70_000)
    assert await subject.provider.status("payout", "wdr_1") == words[0]
    assert await subject.provider.status("charge", "wdr_1") is None


async def test_a_no_has_a_reason_that_people_may_read(subject: Subject) -> None:
    word = await subject.provider.charge(DECLINED, key="top_2")
    assert word.status == "declined"
    assert word.reason


async def test_what_was_never_asked_for_is_not_known(subject: Subject) -> None:
    assert await subject.provider.status("payout", "wdr_none") is None


async def test_the_statement_has_what_moved_and_nothing_else(subject: Subject) -> None:
    charged = await subject.provider.charge(CHARGE, key="top_1")
    paid = await subject.provider.payout(PAYOUT, key="wdr_1")
    await subject.provider.charge(DECLINED, key="top_2")
    today = datetime.now(UTC).date()
    lines = await subject.provider.statement(today)
    assert [(line.type, line.reference, line.provider_id, line.amount) for line in lines] == [
        ("charge", "top_1", charged.provider_id, 50_000),
        ("payout", "wdr_1", paid.provider_id, 70_000),
    ]
    assert await subject.provider.statement(today - timedelta(days=2)) == []


def _flipped(signature: str) -> str:
    return signature[:-3] + ("A" if signature[-3] != "A" else "B") + signature[-2:]


async def test_only_what_the_provider_has_signed_lately_is_its_word(subject: Subject) -> None:
    now = datetime.now(UTC)
    headers, body = subject.callback(now)
    heard = subject.provider.verify_callback(headers, body, now=now)
    assert (heard.id, heard.word.reference, heard.word.status, heard.word.version) == ("evt_1", "top_1", "succeeded", 2)
    numbered = subject.provider.verify_callback(*subject.callback(now, version=1_800_000_000_000), now=now)
    assert numbered.word.version == 1_800_000_000_000, "numbered by the millisecond"
    forgeries = [
        ({}, body),
        (headers, body + b" "),
        (headers | {"webhook-id": "evt_2"}, body),
        (headers | {"webhook-timestamp": "1"}, body),
        (headers | {"webhook-timestamp": "\u00b2"}, body),
        (headers | {"webhook-timestamp": "9" * 400}, body),
        (headers | {"webhook-signature": _flipped(headers["webhook-signature"])}, body),
        (headers | {"webhook-signature": ""}, body),
        (headers | {"webhook-signature": "v1,\u00e9"}, body),
        subject.callback(now - timedelta(hours=1)),
        subject.callback(now + timedelta(hours=1)),
        subject.callback(now, b"garbage"),
        subject.callback(now, b"{}"),
        subject.callback(now, reference="top_\0"),
        subject.callback(now, version=2**63),
        subject.callback(now, amount=2**63),
    ]
    for forged in forgeries:
        with pytest.raises(Forged):
            subject.provider.verify_callback(*forged, now=now)
