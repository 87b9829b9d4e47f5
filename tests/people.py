"""People who use Saldo over HTTP; every answer that they get is held against what the contract says of all answers."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from contracts.identity import Register
from workers.identity import admins

Json = Any
OUTCOME_SECONDS_MAX = 60.0
PATIENCE_SECONDS = 10.0
PROBLEM = {"type", "title", "status", "detail", "code", "instance"}
ACCEPTED = {"id", "type", "status", "created_at"}
OPERATION = ACCEPTED | {"completed_at", "result", "problem"}
RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
SERVER_ERROR = 500
UNAVAILABLE = 503


@dataclass(frozen=True)
class Answer:
    """A response, read and found to be as the contract says."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem."""
        return str(self.json["code"])

    def check(self) -> None:
        """What holds for every answer."""
        assert self.headers.get("X-Request-Id"), self
        assert self.status < SERVER_ERROR or self.status == UNAVAILABLE, self
        kind = self.headers.get("Content-Type", "").partition(";")[0]
        if self.status >= 400:
            self._check_problem(kind)
        elif self.status == 202:
            self._check_acceptance(kind)
        elif self.status == 204:
            assert not self.body, self

    def _check_problem(self, kind: str) -> None:
        assert kind == "application/problem+json", self
        problem = self.json
        assert problem.keys() >= PROBLEM, self
        assert problem["status"] == self.status, self
        assert re.fullmatch(r"[a-z][a-z0-9_]*", problem["code"]), self
        if problem["code"] == "validation_failed":
            assert all(error.keys() == {"pointer", "detail"} for error in problem["errors"]), self
        if self.status == 401:
            assert "WWW-Authenticate" in self.headers, self
        if self.status in (429, UNAVAILABLE):
            assert int(self.headers["Retry-After"]) >= 1, self

    def _check_acceptance(self, kind: str) -> None:
        assert kind == "application/json", self
        operation = self.json
        assert operation.keys() in (ACCEPTED, OPERATION), self
        assert operation["id"].startswith("op_"), self
        assert RFC_3339_UTC.fullmatch(operation["created_at"]), self
        assert self.headers["Location"] == f"/v1/operations/{operation['id']}", self
        assert self.headers["Retry-After"] == "1", self


class Person:
    """Somebody, at one of several gateways."""

    def __init__(self, http: aiohttp.ClientSession, gateways: Sequence[str], *, patient: bool = False) -> None:
        """Who is `patient` asks again what is answered 503."""
        self.http = http
        self.gateways = gateways
        self.patient = patient
        self.token: str | None = None
        self.email = f"{secrets.token_hex(6)}@example.com"
        self.password = secrets.token_urlsafe(16)
        self.user: Json = None

    async def call(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        key: str | None = None,
        prefer: str | None = None,
        headers: Mapping[str, str] | None = None,
        at: int = 0,
    ) -> Answer:
        """One request to the gateway number `at`; `body` is encoded unless it is bytes."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        sent |= {"Idempotency-Key": key} if key is not None else {}
        sent |= {"Prefer": prefer} if prefer is not None else {}
        sent |= {"Content-Type": "application/json"} if body is not None else {}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.request(
            method, self.gateways[at] + path, data=data, headers=sent | dict(headers or {}), allow_redirects=False
        ) as response:
            answer = Answer(response.status, response.headers, await response.read())
        answer.check()
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        answer = await self.call("GET", path, **options)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.patient and answer.status == UNAVAILABLE and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            answer = await self.call("GET", path, **options)
        return answer

    async def post(self, path: str, body: Json = None, **options: Any) -> Answer:
        """POST."""
        return await self.call("POST", path, body, **options)

    async def read(self, path: str, **options: Any) -> Json:
        """The body of a GET that must be answered 200."""
        answer = await self.get(path, **options)
        assert answer.status == 200, answer
        return answer.json

    async def join(self) -> "Person":
        """Register and log in."""
        about = {"email": self.email, "password": self.password, "first_name": "Ani", "last_name": "Wijaya"}
        registered = await self.post("/v1/auth/register", about)
        assert registered.status == 201, registered
        self.user = registered.json
        self.token = (await self.log_in())["access_token"]
        return self

    async def appointed(self, database_url: str) -> "Person":
        """Made an admin from the command line, and logged in."""
        about = Register(email=self.email, password=self.password, first_name="Adi", last_name="Nugroho")
        await admins.create(database_url, about)
        self.token = (await self.log_in())["access_token"]
        self.user = await self.read("/v1/auth/me")
        return self

    async def log_in(self, **options: Any) -> Json:
        """The tokens of a new session."""
        answer = await self.post("/v1/auth/login", {"email": self.email, "password": self.password}, **options)
        assert answer.status == 200, answer
        return answer.json

    async def open(self, currency: str = "IDR", *, funds: int = 0, **fields: Any) -> str:
        """The id of a new wallet with so much in it."""
        answer = await self.post("/v1/wallets", {"currency": currency, **fields})
        assert answer.status == 201, answer
        wallet: str = answer.json["id"]
        if funds:
            topped = await self.top_up(wallet, funds, currency)
            assert topped.status == 201, topped
        return wallet

    async def top_up(
        self, wallet: str, amount: int, currency: str = "IDR", *, prefer: str | None = "wait=20", **options: Any
    ) -> Answer:
        """Ask for a top-up and wait for it."""
        body = {"wallet_id": wallet, "amount": amount, "currency": currency, "method": METHODS[currency]}
        body |= options.pop("fields", {})
        return await self.post("/v1/topups", body, prefer=prefer, **{"key": key(), **options})

    async def transfer(
        self,
        source: str,
        to: str,
        amount: Json,
        currency: str = "IDR",
        *,
        prefer: str | None = "wait=20",
        **options: Any,
    ) -> Answer:
        """Send money `to` a wallet, a card or an e-mail address, and wait for it."""
        body = order(source, to, amount, currency) | options.pop("fields", {})
        return await self.post("/v1/transfers", body, prefer=prefer, **{"key": key(), **options})

    async def issue(self, wallet: str, **fields: Any) -> Json:
        """A new card with its number and code."""
        options = {name: fields.pop(name) for name in ("key", "prefer", "at") if name in fields}
        answer = await self.post(
            "/v1/cards", {"wallet_id": wallet, "brand": "visa", "type": "debit"} | fields, **options
        )
        assert answer.status == 201, answer
        return answer.json

    async def withdraw(
        self, wallet: str, amount: Json, currency: str = "IDR", *, prefer: str | None = "wait=20", **options: Any
    ) -> Answer:
        """Ask for a withdrawal and wait until the bank has accepted or refused it."""
        body = payout(wallet, amount, currency) | options.pop("fields", {})
        return await self.post("/v1/withdrawals", body, prefer=prefer, **{"key": key(), **options})

    async def outcome(self, operation: str, *, at: int = 0) -> Json:
        """The operation once it is finished, polled as clients do."""
        deadline = time.monotonic() + OUTCOME_SECONDS_MAX
        while True:
            found = await self.get(f"/v1/operations/{operation}", prefer="wait=5", at=at)
            if found.status == 200 and found.json["status"] not in ("pending", "unknown"):
                return found.json
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.1)

    async def balance(self, wallet: str, *, at: int = 0) -> tuple[int, int, int]:
        """Posted, held and available."""
        balance = (await self.read(f"/v1/wallets/{wallet}", at=at))["balance"]
        return balance["posted"], balance["held"], balance["available"]

    async def listed(self, path: str, **options: Any) -> list[Json]:
        """Everything in a list, page after page."""
        found: list[Json] = []
        mark, after = "&" if "?" in path else "?", ""
        while True:
            page = await self.read(f"{path}{mark}limit=100{after}", **options)
            found += page["data"]
            assert page["has_more"] is (page["next"] is not None)
            if not page["has_more"]:
                return found
            after = f"&after={page['next']}"


METHODS = {"IDR": "bca_virtual_account", "EUR": "sepa_transfer", "USD": "us_ach_debit"}


def order(source: str, to: str, amount: Json, currency: str = "IDR") -> dict[str, Json]:
    """The body of a transfer."""
    source_, destination = (_side(one) for one in (source, to))
    return {"source": source_, "destination": destination, "amount": amount, "currency": currency}


def _side(name: str) -> dict[str, Json]:
    kind = "email" if "@" in name else "card_id" if name.startswith("crd_") else "wallet_id"
    return {kind: name}


def payout(wallet: str, amount: Json, currency: str = "IDR", account_number: str = "1234567890") -> dict[str, Json]:
    """The body of a withdrawal."""
    beneficiary = {"bank": "BCA", "account_number": account_number, "name": "Ani Wijaya"}
    return {"wallet_id": wallet, "amount": amount, "currency": currency, "beneficiary": beneficiary}


def key() -> str:
    """A fresh idempotency key."""
    return secrets.token_hex(12)
