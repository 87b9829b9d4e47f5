"""Around the API: a page that documents every script, request ids, crashes and probes."""

import re
import sqlite3
from pathlib import Path

import pytest

from sandbox.scripts import SCRIPTS
from sandbox.store import Store
from tests.sandbox.conftest import Provider


async def test_every_script_is_on_the_page(provider: Provider) -> None:
    async with provider.http.get("/", headers={"Authorization": ""}) as answer:
        assert answer.status == 200
        html = await answer.text()
    for script in SCRIPTS:
        assert f"…{script.ending}" in html
        assert script.name in html


async def test_the_page_is_self_contained(provider: Provider) -> None:
    async with provider.http.get("/") as answer:
        policy, html = answer.headers["Content-Security-Policy"], await answer.text()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"<script|<link|<img|(src|href|style)=|url\(|https?://", html)


async def test_request_ids_are_kept_or_made(provider: Provider) -> None:
    async with provider.http.get("/livez", headers={"X-Request-Id": "mine-1"}) as answer:
        assert answer.headers["X-Request-Id"] == "mine-1"
    async with provider.http.get("/readyz", headers={"X-Request-Id": "no good"}) as answer:
        assert answer.status == 200
        assert answer.headers["X-Request-Id"].startswith("req_")


async def test_a_crash_is_a_problem_without_insides(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(Store, "find", broken)
    async with provider.http.get("/v1/charges/chg_1") as answer:
        assert answer.status == 500
        assert answer.content_type == "application/problem+json"
        assert answer.headers["X-Request-Id"]
        assert "inside" not in await answer.text()


async def test_a_store_that_fails_is_not_ready(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Store, "ping", broken)
    async with provider.http.get("/readyz") as answer:
        assert answer.status == 503
        assert (await answer.json(content_type=None))["code"] == "not_ready"
    async with provider.http.get("/livez") as answer:
        assert answer.status == 200


def test_every_script_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "sandbox" / "README.md").read_text("utf-8")
    assert all(f"| {script.ending} |" in readme for script in SCRIPTS)
