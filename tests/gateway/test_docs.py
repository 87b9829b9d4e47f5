"""The documentation pages are complete, unchanged from their packages, and run under a strict policy."""

import asyncio
import hashlib
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.types import Message

from gateway import docs

VENDORED = [docs.STATIC / "swagger-ui", docs.STATIC / "asyncapi"]
PAGES = {"/docs": docs.OPENAPI_PAGE, "/asyncapi": docs.ASYNCAPI_PAGE}


async def get(path: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()  # the client neither sends more nor goes away
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    await Starlette(routes=docs.routes)(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_and_all_that_it_loads_are_served(path: str) -> None:
    status, headers, page = await get(path)
    assert status == 200
    assert headers["content-security-policy"] == docs.CONTENT_SECURITY_POLICY
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page.decode()):
        status, headers, body = await get(asset)
        assert (status, bool(body)) == (200, True), asset
        assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(path: str) -> None:
    page = PAGES[path]
    assert not re.search(r"<style|style=|\son\w+=|javascript:|//", page.split("<head>")[1])
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_the_policy_allows_this_origin_only() -> None:
    assert not re.search(r"unsafe|https?:|\*", docs.CONTENT_SECURITY_POLICY)
    assert docs.CONTENT_SECURITY_POLICY.startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/static/../docs.py", "/static/%2e%2e/docs.py", "/static/nothing.js", "/static/"])
async def test_nothing_else_is_served(path: str) -> None:
    status, _, _ = await get(path)
    assert status == 404


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_vendored_files_are_what_their_page_says(folder: Path) -> None:
    stated = dict(re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", (folder / "VENDORED.md").read_text("utf-8")))
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "VENDORED.md"
    }
    assert found == stated
