"""An operator's conversation with a gateway: over HTTP with their own login, so that permission and audit hold."""

import asyncio
import importlib.util
import json
import os
import sys
from functools import cache
from typing import Any
from urllib.parse import urlencode

import aiohttp
import typer

from ops.trouble import Trouble

URL, TOKEN, EMAIL = "SALDO_URL", "SALDO_TOKEN", "SALDO_EMAIL"
TIMEOUT_SECONDS = 60.0
OK, ACCEPTED, NO_CONTENT, ERROR = 200, 202, 204, 400

Json = Any


def ask(method: str, path: str, body: Json = None, **filters: object) -> Json:
    """One request, as the operator; of a command its outcome. Raises `Trouble` with what the gateway says."""
    given = {name: _written(value) for name, value in filters.items() if value is not None}
    return asyncio.run(_ask(method, f"{path}?{urlencode(given)}" if given else path, body))


def listed(path: str, limit: int, **filters: object) -> list[Json]:
    """Up to `limit` entries of a list, newest first."""
    found: list[Json] = []
    after: str | None = None
    while len(found) < limit:
        page = ask("GET", path, limit=min(100, limit - len(found)), after=after, **filters)
        found += page["data"]
        after = page["next"]
        if after is None:
            break
    return found


async def _ask(method: str, path: str, body: Json) -> Json:
    timeout = aiohttp.ClientTimeout(TIMEOUT_SECONDS)
    try:
        async with _session(timeout) as session:
            token = os.environ.get(TOKEN) or await _log_in(session)
            session.headers["Authorization"] = f"Bearer {token}"
            status, told = await _request(session, method, path, body)
            while status == ACCEPTED:
                _, operation = await _request(session, "GET", f"/v1/operations/{told['id']}", None)
                status, told = _outcome(operation)
            return told
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Trouble(f"{method} {path} has no answer: {type(error).__name__}. Is {URL} right?") from None


async def _request(session: aiohttp.ClientSession, method: str, path: str, body: Json) -> tuple[int, Json]:
    async with session.request(method, path, json=body, headers={"Prefer": "wait=20"}) as answer:
        told = None if answer.status == NO_CONTENT else _decoded(await answer.text(errors="replace"), answer)
        if answer.status >= ERROR:
            raise Trouble(_sentence(told, answer.status))
        return answer.status, told


def _session(timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    url = _url()
    try:
        return aiohttp.ClientSession(url, timeout=timeout)
    except ValueError as error:
        raise Trouble(f"{URL} is not the address of a gateway, as in https://saldo.example.com: {error}.") from None


def _decoded(text: str, answer: aiohttp.ClientResponse) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        kind = f"{answer.status} with {answer.content_type}"
        raise Trouble(f"{answer.url.origin()} answered {kind} instead of JSON: is {URL} a gateway's?") from None


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


async def _log_in(session: aiohttp.ClientSession) -> str:
    email = os.environ.get(EMAIL)
    if not email:
        raise Trouble(f"Set {TOKEN} to an operator's access token, or {EMAIL} to log in with a password.")
    credentials = {"email": email, "password": _password()}
    _, tokens = await _request(session, "POST", "/v1/auth/login", credentials)
    return str(tokens["access_token"])


@cache
def _password() -> str:
    # Never an argument: other people on the machine can read those.
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True))
    return sys.stdin.readline().rstrip("\r\n")


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
