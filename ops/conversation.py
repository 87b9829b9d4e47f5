"""HTTP calls shown as they happen, with what is secret in them masked."""

import json
import textwrap
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from ops.console import console
from ops.trouble import Trouble

SECRET = frozenset({"password", "access_token", "refresh_token", "pan", "cvv", "key", "secret", "totp"})
# Of an answer's headers, those that a client acts on.
TELLING = ("Location", "Retry-After", "Preference-Applied", "Idempotency-Replayed")
TIMEOUT_SECONDS = 40.0
UNEXPECTED_LENGTH_MAX = 500
CLIENT_ERROR = 400
LIST_LENGTH_MAX = 3
INDENT = "  "

Json = dict[str, Any]


class Conversation:
    """Talks with one gateway; `async with` opens and closes the connections."""

    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(TIMEOUT_SECONDS))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    def chapter(self, title: str) -> None:
        """Print what comes next."""
        console.print(f"\n[bold cyan]{escape(title)}[/]", soft_wrap=True)

    async def get(self, path: str, *, token: str, wait_seconds: int | None = None) -> Json:
        """GET that must be answered 200; `wait_seconds` lets the server hold it until there is news."""
        headers = {"Prefer": f"wait={wait_seconds}"} if wait_seconds else {}
        return await self._call("GET", path, None, headers, expect=200, token=token)

    async def post(
        self, path: str, body: Json, *, expect: int, token: str | None = None, key: str | None = None
    ) -> Json:
        """POST that must be answered `expect`."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._call("POST", path, body, headers, expect=expect, token=token)

    async def _call(
        self,
        method: str,
        path: str,
        body: Json | None,
        headers: Mapping[str, str],
        *,
        expect: int,
        token: str | None,
    ) -> Json:
        self._show_request(method, path, body, headers)
        sent = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
        begun = time.monotonic()
        try:
            async with self._session.request(method, path, json=body, headers=sent) as answer:
                told = _decoded(await answer.text())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Trouble(f"{method} {path} has no answer: {error!r}") from error
        self._show_answer(answer, told, time.monotonic() - begun)
        if answer.status != expect:
            raise Trouble(f"{method} {path} answered {answer.status} where {expect} was expected.")
        return told

    def _show_request(self, method: str, path: str, body: Json | None, headers: Mapping[str, str]) -> None:
        shown = "".join(f"  [dim]{name}: {escape(value)}[/]" for name, value in headers.items())
        console.print(f"\n[bold]{method}[/] {escape(path)}{shown}", soft_wrap=True)
        if body is not None:
            console.print(_pretty(body), soft_wrap=True)

    def _show_answer(self, answer: aiohttp.ClientResponse, body: Json, seconds: float) -> None:
        colour = "red" if answer.status >= CLIENT_ERROR else "green"
        shown = "".join(
            f"  [dim]{name}: {escape(answer.headers[name])}[/]" for name in TELLING if name in answer.headers
        )
        status = f"[bold {colour}]{answer.status} {answer.reason}[/]"
        console.print(f"{status} [dim]{seconds * 1000:.0f} ms[/]{shown}", soft_wrap=True)
        console.print(_pretty(body), soft_wrap=True)


def masked(value: Any) -> Any:
    """The same JSON with every secret replaced by dots."""
    if isinstance(value, dict):
        return {
            name: "••••••" if name in SECRET and inner is not None else masked(inner) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return value


def shortened(value: Any) -> Any:
    """The same JSON with the end of every long list replaced by how much it was."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value) - LIST_LENGTH_MAX} more"] if len(value) > LIST_LENGTH_MAX else []
        return [*(shortened(inner) for inner in value[:LIST_LENGTH_MAX]), *more]
    return value


def _decoded(text: str) -> Json:
    try:
        told: Json = json.loads(text)
    except ValueError:
        return {"not JSON": text[:UNEXPECTED_LENGTH_MAX]}
    return told


def _pretty(body: Any) -> Text:
    shown = shortened(masked(body))
    text = json.dumps(shown, ensure_ascii=False)
    if len(text) > console.width - 2 * len(INDENT):
        text = json.dumps(shown, indent=2, ensure_ascii=False)
    # Not printed as the `Syntax` that it is: this would fill every line with spaces.
    coloured = Syntax("", "json", background_color="default").highlight(textwrap.indent(text, INDENT))
    coloured.rstrip()
    return coloured
