"""An operator's conversation with a gateway: over HTTP with their own login, so that permission and audit hold."""

import asyncio
import importlib.util
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import aiohttp
import typer

from ops.console import say
from ops.trouble import Trouble

URL, TOKEN, EMAIL = "SALDO_URL", "SALDO_TOKEN", "SALDO_EMAIL"
TIMEOUT_SECONDS, LOGOUT_SECONDS_MAX = 60.0, 5.0
OUTCOME_SECONDS_MAX, PAUSE_SECONDS = 120.0, 0.5
ATTEMPTS, PAGE = 3, 100
OK, ACCEPTED, NO_CONTENT, ERROR, UNAVAILABLE = 200, 202, 204, 400, 503

Json = Any


class Session:
    """An operator's session with a gateway, which lasts for one command."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._client: aiohttp.ClientSession | None = None
        self._logged_in = False

    def ask(self, method: str, path: str, body: Json = None, **filters: object) -> Json:
        """One request; of a command its outcome. Raises `Trouble` with what the gateway says."""
        given = {name: _written(value) for name, value in filters.items() if value is not None}
        return self._runner.run(self._outcome(method, f"{path}?{urlencode(given)}" if given else path, body))

    def listed(self, path: str, limit: int, **filters: object) -> list[Json]:
        """Up to `limit` entries of a list, newest first."""
        found: list[Json] = []
        after: str | None = None
        while len(found) < limit:
            page = self.ask("GET", path, limit=min(PAGE, limit - len(found)), after=after, **filters)
            found += page["data"]
            after = page["next"]
            if after is None:
                break
        return found

    async def enter(self) -> None:
        """Log in, unless there is a token."""
        self._client = _client()
        token = os.environ.get(TOKEN) or await self._log_in()
        self._client.headers["Authorization"] = f"Bearer {token}"

    async def leave(self) -> None:
        """Log out of what was logged in here; if that can't be, nobody has the session's tokens any more."""
        if self._client is None:
            return
        if self._logged_in:
            with suppress(Trouble, TimeoutError):
                async with asyncio.timeout(LOGOUT_SECONDS_MAX):
                    await self._request("POST", "/v1/auth/logout")
        await self._client.close()

    async def _log_in(self) -> str:
        email = os.environ.get(EMAIL)
        if not email:
            raise Trouble(f"Set {TOKEN} to an operator's access token, or {EMAIL} to log in with a password.")
        _, tokens = await self._request("POST", "/v1/auth/login", {"email": email, "password": _password()})
        self._logged_in = True
        return str(tokens["access_token"])

    async def _outcome(self, method: str, path: str, body: Json) -> Json:
        status, told = await self._request(method, path, body)
        if status == ACCEPTED:
            say(f"operation {told['id']} is accepted: waiting for its outcome")
        deadline = time.monotonic() + OUTCOME_SECONDS_MAX
        while status == ACCEPTED:
            if time.monotonic() > deadline:
                path = f"/v1/operations/{told['id']}"
                raise Trouble(
                    f"There is no outcome after {OUTCOME_SECONDS_MAX:.0f} seconds, but it goes on: see {path}."
                )
            await asyncio.sleep(PAUSE_SECONDS)
            _, operation = await self._request("GET", f"/v1/operations/{told['id']}")
            status, told = _outcome(operation)
        return told

    async def _request(self, method: str, path: str, body: Json = None) -> tuple[int, Json]:
        """Status and JSON. A POST whose acceptance nobody knows is repeated under its key, so it is done once."""
        headers = {"Prefer": "wait=20"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_urlsafe(16)
        for _ in range(ATTEMPTS):
            status, told = await self._exchange(method, path, body, headers)
            if method != "POST" or not _is_unknown(status, told):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        if status >= ERROR:
            raise Trouble(_sentence(told, status))
        return status, told

    async def _exchange(self, method: str, path: str, body: Json, headers: Mapping[str, str]) -> tuple[int, Json]:
        assert self._client is not None
        asked = self._client.request(method, path, json=body, headers=headers, allow_redirects=False)
        try:
            async with asked as answer:
                text = await answer.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Trouble(f"{method} {path} has no answer: {type(error).__name__}. Is {URL} right?") from None
        return answer.status, None if answer.status == NO_CONTENT else _decoded(text, answer)


@contextmanager
def session() -> Iterator[Session]:
    """A session, logged in, and logged out in the end. Raises `Trouble` with what the gateway says."""
    with asyncio.Runner() as runner:
        opened = Session(runner)
        try:
            runner.run(opened.enter())
            yield opened
        finally:
            runner.run(opened.leave())


def ask(method: str, path: str, body: Json = None, **filters: object) -> Json:
    """One request in a session of its own."""
    with session() as opened:
        return opened.ask(method, path, body, **filters)


def listed(path: str, limit: int, **filters: object) -> list[Json]:
    """Up to `limit` entries of a list, newest first, in a session of their own."""
    with session() as opened:
        return opened.listed(path, limit, **filters)


def _client() -> aiohttp.ClientSession:
    url = _url()
    try:
        return aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(TIMEOUT_SECONDS))
    except ValueError as error:
        raise Trouble(f"{URL} is not the address of a gateway, as in https://saldo.example.com: {error}.") from None


def _decoded(text: str, answer: aiohttp.ClientResponse) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        kind = f"{answer.status} with {answer.content_type}"
        raise Trouble(f"{answer.url.origin()} answered {kind} instead of JSON: is {URL} a gateway's?") from None


def _is_unknown(status: int, told: Json) -> bool:
    return status == UNAVAILABLE and isinstance(told, dict) and told.get("code") == "outcome_unknown"


def _outcome(operation: Json) -> tuple[int, Json]:
    if operation["status"] == "failed":
        raise Trouble(_sentence(operation["problem"], ERROR))
    return (OK, operation["result"]) if operation["status"] == "succeeded" else (ACCEPTED, operation)


def _sentence(problem: Json, status: int) -> str:
    if not isinstance(problem, dict) or "code" not in problem:
        return f"The gateway answered {status}."
    wrong = "".join(f" {error['pointer']}: {error['detail']}" for error in problem.get("errors", ()))
    return f"{problem['detail']}{wrong} ({problem['code']})"


def _url() -> str:
    url = os.environ.get(URL) or _local()
    if not url:
        raise Trouble(f"Set {URL} to the address of a gateway, or start a stack here with ./dev up.")
    return url


def _local() -> str | None:
    if importlib.util.find_spec("psutil") is None:
        # An installation without the tools for development has no stack of its own.
        return None
    from ops.local.daemon import Daemon  # noqa: PLC0415 - likewise
    from ops.local.home import Home  # noqa: PLC0415 - likewise
    from ops.local.stack import Stack  # noqa: PLC0415 - likewise

    home = Home.default()
    return Stack(home, say=lambda _: None).url if Daemon(home, "gateway").running else None


def _password() -> str:
    # Never an argument: other people on the machine can read those.
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True))
    return sys.stdin.readline().rstrip("\r\n")


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
