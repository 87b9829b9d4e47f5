"""The demo journey as a client walks it, against a gateway of cardboard."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from ops import demo
from ops.trouble import Trouble

Json = dict[str, Any]
METHODS = [{"id": "card_usd", "currency": "USD"}, {"id": "bank_idr", "currency": "IDR"}]


class CardboardGateway:
    """Answers as the HTTP contract says, with money in a dictionary; operations need one poll to finish."""

    def __init__(self) -> None:
        self.movements: dict[str, list[int]] = {}
        self.wallets: dict[str, str] = {}
        self.transfer_fails = False
        self.app = web.Application()
        self.app.add_routes(
            [
                web.post("/v1/auth/register", self.register),
                web.post("/v1/auth/login", self.login),
                web.post("/v1/wallets", self.open),
                web.get("/v1/wallets/{id}", self.wallet),
                web.get("/v1/wallets/{id}/movements", self.statement),
                web.get("/v1/topup-methods", self.methods),
                web.post("/v1/topups", self.top_up),
                web.post("/v1/transfers", self.transfer),
                web.get("/v1/operations/{id}", self.operation),
            ]
        )

    async def register(self, request: web.Request) -> web.Response:
        return web.json_response({"id": "usr_1", "email": (await request.json())["email"]}, status=201)

    async def login(self, request: web.Request) -> web.Response:
        return web.json_response({"access_token": (await request.json())["email"], "token_type": "Bearer"})

    async def open(self, request: web.Request) -> web.Response:
        wallet = f"wal_{len(self.wallets)}"
        self.wallets[request.headers["Authorization"].removeprefix("Bearer ")] = wallet
        self.movements[wallet] = []
        return web.json_response({"id": wallet}, status=201)

    async def wallet(self, request: web.Request) -> web.Response:
        available = sum(self.movements[request.match_info["id"]])
        return web.json_response({"balance": {"available": available}})

    async def statement(self, request: web.Request) -> web.Response:
        newest_first = reversed(self.movements[request.match_info["id"]])
        return web.json_response({"data": [{"amount": amount} for amount in newest_first], "has_more": False})

    async def methods(self, _: web.Request) -> web.Response:
        return web.json_response({"data": METHODS})

    async def top_up(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["method"] == "bank_idr"
        self.movements[body["wallet_id"]].append(body["amount"])
        return self._accepted(request)

    async def transfer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.movements[body["source"]["wallet_id"]].append(-body["amount"])
        self.movements[self.wallets[body["destination"]["email"]]].append(body["amount"])
        return self._accepted(request)

    async def operation(self, request: web.Request) -> web.Response:
        assert request.headers["Prefer"] == "wait=10"
        failed = self.transfer_fails and request.match_info["id"] == "op_transfers"
        problem = {"code": "insufficient_funds"} if failed else None
        return web.json_response({"id": "op", "status": "failed" if failed else "succeeded", "problem": problem})

    def _accepted(self, request: web.Request) -> web.Response:
        assert request.headers["Idempotency-Key"]
        operation = f"op_{request.path.rsplit('/', 1)[-1]}"
        return web.json_response({"id": operation, "status": "pending"}, status=202)


@pytest.fixture
def cardboard() -> CardboardGateway:
    return CardboardGateway()


@pytest.fixture
async def url(cardboard: CardboardGateway) -> AsyncIterator[str]:
    runner = web.AppRunner(cardboard.app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def test_it_ends_well_and_shows_no_secret(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await demo.journey(url)
    shown = capsys.readouterr().out
    assert "POST /v1/transfers" in shown
    assert "202 Accepted" in shown
    assert '"amount": 25000000' in shown
    assert "Ani tops up IDR 250,000.00 and sends Budi IDR 75,000.00" in shown
    assert '"password": "••••••"' in shown


async def test_no_line_is_filled_with_spaces(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await demo.journey(url)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [line.rstrip() for line in lines]


async def test_it_can_be_walked_again(url: str) -> None:
    await demo.journey(url)
    await demo.journey(url)


async def test_a_failed_transfer_is_trouble(url: str, cardboard: CardboardGateway) -> None:
    cardboard.transfer_fails = True
    with pytest.raises(Trouble, match="insufficient_funds"):
        await demo.journey(url)


async def test_wrong_money_is_trouble(url: str, cardboard: CardboardGateway) -> None:
    cardboard.movements = LosingOneCent()
    with pytest.raises(Trouble, match="statement says"):
        await demo.journey(url)


class LosingOneCent(dict[str, list[int]]):
    """Wallets in which every statement begins with a cent too few."""

    def __setitem__(self, wallet: str, movements: list[int]) -> None:
        super().__setitem__(wallet, [-1, *movements])
