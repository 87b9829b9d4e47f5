"""The payment provider: the port that top-ups speak to, and its adapter for the sandbox's HTTP API."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal, Protocol

import aiohttp
from pydantic import BaseModel, Field, SecretStr, ValidationError

from workers.runtime.resources import Resources

ANSWER_BYTES_MAX = 64 * 1024

DECLINES = {
    "insufficient_funds": "The payment provider declined: not enough money there.",
    "do_not_honor": "The payment provider declined: the issuer refused.",
    "expired_card": "The payment provider declined: the means of payment has expired.",
    "suspected_fraud": "The payment provider declined: it suspects fraud.",
}
DECLINED = "The payment provider declined."


class Unclear(Exception):
    """The provider may or may not have charged: ask again under the same key, and never guess."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What is to be charged, in minor units. `reference` is our name for it in the provider's books."""

    reference: str
    method: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A clear answer: charged under `provider_id`, or `declined` for a reason that people may read."""

    provider_id: str
    declined: str | None = None


class Provider(Protocol):
    """What every payment provider can do for us."""

    async def charge(self, charge: Charge, *, key: str) -> Answer:
        """Charge once for each `key`, however often it is asked. Raises `Unclear`."""


def reached_by(resources: Resources) -> Provider:
    """The provider that the settings name."""
    settings = resources.settings
    return SandboxProvider(
        resources.http, settings.provider_url, settings.provider_key, settings.provider_timeout_seconds
    )


class _Charged(BaseModel):
    id: Annotated[str, Field(min_length=1, max_length=128)]
    status: Literal["succeeded", "declined"]
    reference: str
    method: str
    amount: Annotated[int, Field(strict=True)]
    currency: str
    decline_code: str | None = None


class SandboxProvider:
    """`POST /v1/charges` with a bearer key and an Idempotency-Key."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: SecretStr, timeout_seconds: float) -> None:
        self._http = http
        self._url = f"{url.rstrip('/')}/v1/charges"
        self._key = key
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def charge(self, charge: Charge, *, key: str) -> Answer:
        """Charge once for each `key`. Raises `Unclear` unless it is a 200 or 201 about this very charge."""
        status, body = await self._post(charge, key)
        if status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise Unclear(f"the provider answered {status}")
        return _answer(charge, body)

    async def _post(self, charge: Charge, key: str) -> tuple[int, bytes]:
        wanted = {
            "reference": charge.reference,
            "method": charge.method,
            "amount": charge.amount,
            "currency": charge.currency,
        }
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}", "Idempotency-Key": key}
        try:
            async with self._http.post(
                self._url, json=wanted, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                return response.status, await _bounded(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Its own text could show the request's headers, and with them the key.
            raise Unclear(f"no answer from the provider: {type(error).__name__}") from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise Unclear("the provider's answer is too long")
    return bytes(body)


def _answer(charge: Charge, body: bytes) -> Answer:
    try:
        charged = _Charged.model_validate_json(body)
    except ValidationError:
        raise Unclear("the provider's answer is not a charge") from None
    if Charge(charged.reference, charged.method, charged.amount, charged.currency) != charge:
        raise Unclear("the provider answered about another charge")
    if charged.status == "succeeded":
        return Answer(charged.id)
    return Answer(charged.id, DECLINES.get(charged.decline_code or "", DECLINED))
