"""The adapter for the sandbox's HTTP API: bearer key, Idempotency-Key, Standard Webhooks."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any

import aiohttp
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, ValidationError

from workers.provider import signatures
from workers.provider.breaker import Breaker
from workers.provider.port import Callback, Forged, Kind, Line, LineType, NotAsked, Order, Status, Unclear, Word

ANSWER_BYTES_MAX = 256 * 1024
STATEMENT_PAGES_MAX = 10_000
PATHS: dict[Kind, str] = {"charge": "/v1/charges", "payout": "/v1/payouts"}
REASONS = {
    "insufficient_funds": "The payment provider declined: not enough money there.",
    "do_not_honor": "The payment provider declined: the issuer refused.",
    "expired_card": "The payment provider declined: the means of payment has expired.",
    "suspected_fraud": "The payment provider declined: it suspects fraud.",
    "account_closed": "The payment provider declined: the beneficiary's account is closed.",
}
DECLINED = "The payment provider declined."
REVERSED = "The payment provider took it back."

# As far as PostgreSQL can keep it: what it can't would fail again and again.
Text = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
Positive = Annotated[int, Field(strict=True, ge=1, lt=2**63)]


class _Payment(BaseModel):
    id: Text
    status: Status
    reference: Text
    method: Text
    amount: Positive
    currency: Text
    version: Positive = 1
    decline_code: str | None = None

    def word(self, kind: Kind) -> Word:
        return Word(kind, self.reference, self.id, self.status, self.amount, self.currency, self.version, self._reason)

    @property
    def _reason(self) -> str | None:
        if self.status == "declined":
            return REASONS.get(self.decline_code or "", DECLINED)
        return REVERSED if self.status == "reversed" else None


class _Payments(BaseModel):
    data: list[_Payment]


class _Line(BaseModel):
    id: Text
    type: LineType
    payment_id: Text
    reference: Text
    amount: Positive
    currency: Text
    at: AwareDatetime


class _Statement(BaseModel):
    data: list[_Line]
    next: str | None = None


class _Told(BaseModel):
    kind: Kind
    data: _Payment


class Settings(BaseModel):
    """How the sandbox is reached, and how patient we are with it."""

    url: str
    key: SecretStr
    callback_secret: SecretStr
    timeout_seconds: float
    retries: int
    retry_seconds: float = 0.05


class SandboxProvider:
    """Speaks to the sandbox; never says more than the sandbox has said."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings, breaker: Breaker) -> None:
        self._http = http
        self._settings = settings
        self._breaker = breaker
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout_seconds)

    async def charge(self, order: Order, *, key: str) -> Word:
        """Charge once for each `key`. Raises `Unclear` unless the answer is about this very order."""
        return await self._submit(order, key)

    async def payout(self, order: Order, *, key: str) -> Word:
        """Pay out once for each `key`. Raises `Unclear` unless the answer is about this very order."""
        return await self._submit(order, key)

    async def status(self, kind: Kind, reference: str) -> Word | None:
        """The latest word on an order, None if there is none. Raises `Unclear`."""
        status, body = await self._patiently("GET", PATHS[kind], params={"reference": reference, "limit": "2"})
        if status != HTTPStatus.OK:
            raise Unclear(f"the provider answered {status}")
        found = _read(_Payments, body).data
        if len(found) > 1 or any(payment.reference != reference for payment in found):
            raise Unclear("the provider answered about other orders")
        return found[0].word(kind) if found else None

    async def statement(self, day: date) -> list[Line]:
        """The whole day, page after page. Raises `Unclear`."""
        found: list[Line] = []
        after: dict[str, str] = {}
        for _ in range(STATEMENT_PAGES_MAX):
            query = {"date": day.isoformat(), "limit": "100"} | after
            status, body = await self._patiently("GET", "/v1/statement", params=query)
            if status != HTTPStatus.OK:
                raise Unclear(f"the provider answered {status}")
            page = _read(_Statement, body)
            found += [
                Line(line.type, line.reference, line.payment_id, line.amount, line.currency, line.at)
                for line in page.data
            ]
            if page.next is None:
                return found
            after = {"after": page.next}
        raise Unclear("the provider's statement has no end")

    def verify_callback(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Callback:
        """What a callback says. Raises `Forged`, also for one that says nothing we know."""
        key = signatures.verify(self._settings.callback_secret, headers, body, now=now)
        try:
            told = _Told.model_validate_json(body)
        except ValidationError:
            raise Forged("the callback says nothing that we understand") from None
        return Callback(key, told.data.word(told.kind))

    async def _submit(self, order: Order, key: str) -> Word:
        wanted: dict[str, Any] = {
            "reference": order.reference,
            "method": order.method,
            "amount": order.amount,
            "currency": order.currency,
        }
        if order.beneficiary is not None:
            wanted["beneficiary"] = asdict(order.beneficiary)
        status, body = await self._patiently("POST", PATHS[order.kind], json=wanted, key=key)
        if status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise Unclear(f"the provider answered {status}")
        said = _read(_Payment, body)
        if (said.reference, said.method, said.currency) != (order.reference, order.method, order.currency):
            raise Unclear("the provider answered about another order")
        return said.word(order.kind)

    async def _patiently(self, method: str, path: str, **request: Any) -> tuple[int, bytes]:
        """Ask again, a few times, what is idempotent: all of it is. Silence is not asked again at once."""
        self._breaker.admit()
        reached = False
        for left in range(self._settings.retries, -1, -1):
            try:
                status, body = await self._once(method, path, **request)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reached = reached or not isinstance(error, aiohttp.ClientConnectorError)
                if isinstance(error, TimeoutError) or not left:
                    self._breaker.failed()
                    # Its own text could show the request's headers, and with them the key.
                    kind = Unclear if reached else NotAsked
                    raise kind(f"no answer from the provider: {type(error).__name__}") from None
            else:
                reached = True
                if status < HTTPStatus.INTERNAL_SERVER_ERROR or not left:
                    self._judge(status)
                    return status, body
            await asyncio.sleep(self._settings.retry_seconds)
        raise AssertionError("there is a last time")

    def _judge(self, status: int) -> None:
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._breaker.succeeded()
        else:
            self._breaker.failed()

    async def _once(self, method: str, path: str, *, key: str | None = None, **request: Any) -> tuple[int, bytes]:
        settings = self._settings
        headers = {"Authorization": f"Bearer {settings.key.get_secret_value()}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self._http.request(
            method,
            settings.url.rstrip("/") + path,
            headers=headers,
            timeout=self._timeout,
            allow_redirects=False,
            **request,
        ) as response:
            return response.status, await _bounded(response)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise Unclear("the provider's answer is too long")
    return bytes(body)


def _read[M: BaseModel](kind: type[M], body: bytes) -> M:
    try:
        return kind.model_validate_json(body)
    except ValidationError:
        raise Unclear("the provider's answer is not what was asked for") from None
