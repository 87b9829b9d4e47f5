"""`saldo sagas` and `saldo dead-letters`, talking to a gateway that is played here."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from typer.testing import CliRunner

from ops import commands
from ops.trouble import Trouble
from tests.workers.conftest import free_port

SAGA = {
    "id": "sag_1",
    "type": "TransferMoney",
    "status": "running",
    "stuck": True,
    "awaiting": "hold",
    "asked_again": 3,
    "problem": None,
    "operation_id": "op_1",
    "created_at": "2026-11-27T02:00:00Z",
    "updated_at": "2026-11-27T02:00:00Z",
    "deadline_at": "2026-11-27T02:05:00Z",
}
HISTORY = [{"at": "2026-11-27T02:00:00Z", "what": "retried", "step": "hold", "by": "usr_1", "reason": "Why [not]"}]
LETTER = {
    "id": "dlt_1",
    "type": "ledger.PlaceHold.v1",
    "queue": "ledger.commands",
    "status": "open",
    "reason": "ZeroDivisionError()",
    "operation_id": None,
    "saga_id": "sag_1",
    "died_at": "2026-11-27T02:00:00Z",
    "resolved_at": None,
    "resolved_by": None,
    "resolved_reason": None,
    "payload": {"pan": "[hidden]"},
    "text": None,
    "stack": "Traceback [here]",
}
ENDED = {"type": "about:blank", "title": "Ended", "status": 409, "code": "saga_ended", "detail": "It has ended."}


class Played:
    """A gateway that knows a saga and a letter, and writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.pages: dict[str, tuple[int, str]] = {}
        self.keys: list[str | None] = []

    async def answer(self, request: web.Request) -> web.Response:
        """What a test wants, else what is usual."""
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, str(request.rel_url), body))
        self.keys.append(request.headers.get("Idempotency-Key"))
        if page := self.pages.get(request.path):
            return web.Response(status=page[0], text=page[1], content_type="text/html")
        if request.path == "/v1/auth/login":
            return web.json_response({"access_token": "by-password"})
        if request.path == "/v1/auth/logout":
            return web.Response(status=204)
        assert request.headers["Authorization"] in ("Bearer token", "Bearer by-password")
        status, told = self.answers.get((request.method, request.path)) or self._usual(request)
        return web.Response(status=status) if told is None else web.json_response(told, status=status)

    def _usual(self, request: web.Request) -> tuple[int, Any]:
        if request.method == "DELETE":
            return 204, None
        if request.path.endswith("/replay"):
            return 200, {"count": 2, "has_more": False}
        thing = SAGA if "/sagas" in request.path else LETTER
        if request.path.endswith(("/sagas", "/dead-letters")):
            return 200, {"data": [thing], "has_more": False, "next": None}
        return 200, thing | ({"state": {"amount": 5}, "history": HISTORY} if thing is SAGA else {})


Saldo = Callable[..., Any]


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Played]:
    """One that listens."""
    played = Played()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", played.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    monkeypatch.setenv("SALDO_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("SALDO_TOKEN", "token")
    yield played
    await runner.cleanup()


async def saldo(*words: str, typed: str = "") -> Any:
    """Say it on a command line."""
    return await asyncio.to_thread(
        lambda: CliRunner().invoke(commands.app, words, input=typed, env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    )


async def test_lists_are_tables(gateway: Played) -> None:
    told = await saldo("sagas", "list", "--stuck", "--type", "TransferMoney")
    assert told.exit_code == 0, told.output
    assert "sag_1" in told.output
    assert "late" in told.output
    assert gateway.asked == [("GET", "/v1/ops/sagas?limit=20&stuck=true&type=TransferMoney", None)]
    letters = await saldo("dead-letters", "list")
    assert "dlt_1" in letters.output
    assert gateway.asked[-1][1] == "/v1/ops/dead-letters?limit=20&status=open"


@pytest.mark.usefixtures("gateway")
async def test_one_is_shown_whole() -> None:
    saga = await saldo("sagas", "show", "sag_1")
    assert "Why [not]" in saga.output, saga.output
    assert '"amount": 5' in saga.output
    letter = await saldo("dead-letters", "show", "dlt_1")
    assert "Traceback [here]" in letter.output, letter.output
    assert "[hidden]" in letter.output


async def test_what_is_done_has_a_reason(gateway: Played) -> None:
    for act in ("retry", "compensate"):
        told = await saldo("sagas", act, "sag_1", "--reason", "Somebody called.")
        assert told.exit_code == 0, told.output
        assert gateway.asked[-1] == ("POST", f"/v1/ops/sagas/sag_1/{act}", {"reason": "Somebody called."})
    asked = await saldo("dead-letters", "discard", "dlt_1", typed="Because.\n")
    assert asked.exit_code == 0, asked.output
    assert gateway.asked[-1] == ("DELETE", "/v1/ops/dead-letters/dlt_1", {"reason": "Because."})
    told = await saldo("dead-letters", "replay", "dlt_1", "dlt_2", "--reason", "Mended.")
    assert "2 replayed" in told.output
    assert gateway.asked[-1][2] == {"ids": ["dlt_1", "dlt_2"], "reason": "Mended."}
    neither = await saldo("dead-letters", "replay", "--reason", "Mended.")
    assert neither.exit_code == 2


async def test_a_refusal_is_a_sentence(gateway: Played) -> None:
    gateway.answers["POST", "/v1/ops/sagas/sag_1/retry"] = (409, ENDED)
    told = await saldo("sagas", "retry", "sag_1", "--reason", "Why.")
    assert isinstance(told.exception, Trouble)
    assert str(told.exception) == "It has ended. (saga_ended)"


async def test_what_takes_longer_is_waited_for(gateway: Played) -> None:
    gateway.answers["POST", "/v1/ops/sagas/sag_1/retry"] = (202, {"id": "op_9", "status": "pending"})
    gateway.answers["GET", "/v1/operations/op_9"] = (200, {"id": "op_9", "status": "succeeded", "result": SAGA})
    told = await saldo("sagas", "retry", "sag_1", "--reason", "Why.")
    assert "sag_1 is running" in told.output, told.exception


async def test_a_password_will_do(gateway: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SALDO_TOKEN")
    nobody = await saldo("sagas", "list")
    assert "SALDO_TOKEN" in str(nobody.exception)
    monkeypatch.setenv("SALDO_EMAIL", "olga@example.com")
    told = await saldo("sagas", "list", typed="secret\n")
    assert told.exit_code == 0, told.exception
    assert gateway.asked[0] == ("POST", "/v1/auth/login", {"email": "olga@example.com", "password": "secret"})


async def test_a_command_is_one_session_that_ends(gateway: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SALDO_TOKEN")
    monkeypatch.setenv("SALDO_EMAIL", "olga@example.com")
    gateway.answers["GET", "/v1/ops/sagas"] = (200, {"data": [SAGA] * 100, "has_more": True, "next": "more"})
    gateway.answers["POST", "/v1/ops/sagas/sag_1/retry"] = (409, ENDED)
    for words in (("list", "--limit", "300"), ("retry", "sag_1", "--reason", "Why.")):
        gateway.asked.clear()
        await saldo("sagas", *words, typed="secret\n")
        paths = [path for _, path, _ in gateway.asked]
        assert paths.count("/v1/auth/login") == 1, paths
        assert paths[-1] == "/v1/auth/logout"
    gateway.asked.clear()
    monkeypatch.setenv("SALDO_TOKEN", "token")
    await saldo("sagas", "show", "sag_1")
    assert len(gateway.asked) == 1, "a token that was given is not ours to end"


async def test_what_never_ends_is_named(gateway: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.gateway.OUTCOME_SECONDS_MAX", 1.0)
    gateway.answers["POST", "/v1/ops/sagas/sag_1/retry"] = (202, {"id": "op_9", "status": "pending"})
    gateway.answers["GET", "/v1/operations/op_9"] = (200, {"id": "op_9", "status": "pending"})
    told = await saldo("sagas", "retry", "sag_1", "--reason", "Why.")
    assert "waiting" in told.output
    assert str(told.exception) == "There is no outcome after 1 seconds, but it goes on: see /v1/operations/op_9."


async def test_what_nobody_knows_is_repeated_under_its_key(gateway: Played) -> None:
    problem = {"status": 503, "code": "outcome_unknown", "detail": "Repeat it with the same key."}
    gateway.answers["POST", "/v1/ops/sagas/sag_1/retry"] = (503, problem)
    told = await saldo("sagas", "retry", "sag_1", "--reason", "Why.")
    assert "outcome_unknown" in str(told.exception)
    first = set(gateway.keys)
    assert len(gateway.keys) == 3
    assert len(first) == 1
    assert None not in first
    await saldo("sagas", "retry", "sag_1", "--reason", "Why.")
    assert len(set(gateway.keys)) == 2, "another command is another operation"


async def test_a_gateway_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALDO_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("SALDO_TOKEN", "token")
    told = await saldo("sagas", "list")
    assert "SALDO_URL" in str(told.exception)


@pytest.mark.parametrize("url", ["garbage", "127.0.0.1:5000", "http://", "http://127.0.0.1:99999"])
async def test_what_is_no_address_is_a_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALDO_URL", url)
    monkeypatch.setenv("SALDO_TOKEN", "token")
    told = await saldo("sagas", "list")
    assert isinstance(told.exception, Trouble)
    assert "SALDO_URL is not the address of a gateway" in str(told.exception)


@pytest.mark.parametrize("status", [200, 502])
async def test_somebody_in_between_is_told_apart(gateway: Played, status: int) -> None:
    gateway.pages["/v1/ops/sagas"] = (status, "<h1>Sign in</h1>")
    told = await saldo("sagas", "list")
    assert isinstance(told.exception, Trouble)
    assert f"answered {status} with text/html instead of JSON" in str(told.exception)


RUN = {
    "id": "rec_1",
    "provider": "sandbox",
    "date": "2026-11-26",
    "matched": 7,
    "missing_here": 1,
    "missing_there": 0,
    "different": 0,
    "open": 1,
    "compared_at": "2026-11-27T02:00:00Z",
}
ITEM = {
    "id": "rit_1",
    "kind": "missing_here",
    "type": "charge",
    "reference": "top_1",
    "ours": None,
    "ours_currency": None,
    "theirs": 500,
    "theirs_currency": "IDR",
    "status": "open",
    "resolved_reason": None,
}


async def test_a_day_is_reconciled(gateway: Played) -> None:
    path = "/v1/ops/reconciliations"
    gateway.answers["POST", path] = (200, RUN)
    gateway.answers["GET", f"{path}/rec_1"] = (200, RUN | {"items": [ITEM]})
    gateway.answers["GET", path] = (200, {"data": [RUN], "has_more": False, "next": None})
    gateway.answers["POST", f"{path}/rec_1/items/rit_1/resolve"] = (200, ITEM)
    told = await saldo("reconcile", "--date", "2026-11-26")
    assert gateway.asked[0] == ("POST", path, {"date": "2026-11-26", "provider": "sandbox"})
    assert told.exit_code == 1, "something needs a person"
    assert "7 matched, 1 missing here" in told.output
    assert "500 IDR" in told.output
    assert "rec_1" in (await saldo("reconciliations", "list", "--open")).output
    assert "rit_1" in (await saldo("reconciliations", "show", "rec_1")).output
    resolved = await saldo("reconciliations", "resolve", "rec_1", "rit_1", "--reason", "Refunded.")
    assert resolved.exit_code == 0, resolved.exception
    assert gateway.asked[-1] == ("POST", f"{path}/rec_1/items/rit_1/resolve", {"reason": "Refunded."})
