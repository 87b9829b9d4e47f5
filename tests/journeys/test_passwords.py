"""Passwords over HTTP: changed, guessed, reset by mail, and helped by an authenticator."""

import asyncio
import base64
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.journeys.conftest import Meet
from tests.people import Answer, Json, Person
from tests.system import System
from workers.identity import totp

NEW = "a different phrase altogether"
PATIENCE_SECONDS = 30


async def log_in(person: Person, password: str | None = None, **fields: object) -> Answer:
    return await person.post(
        "/v1/auth/login", {"email": person.email, "password": password or person.password, **fields}
    )


def code(shown: Json, later: int = 0) -> str:
    return totp.code(base64.b32decode(shown["secret"]), totp.step_of(datetime.now(UTC)) + later)


async def mails(system: System, to: str, count: int = 1) -> list[str]:
    """The mails to somebody, once there are so many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found := _filed(system.notices, to)) < count:  # noqa: ASYNC110 - nobody tells when it changes
            await asyncio.sleep(0.1)
    return found


def _filed(folder: Path, to: str) -> list[str]:
    read = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in folder.glob("*.eml")]
    return [str(mail.get_content()) for mail in read if mail["To"] == to]


async def token_for(system: System, person: Person) -> str:
    """What is mailed to somebody who asks."""
    asked = await person.post("/v1/auth/password/forgot", {"email": person.email})
    assert asked.status == 204
    [mail] = await mails(system, person.email)
    found = re.search(r"rst_\S+", mail)
    assert found is not None
    return found[0]


async def test_a_password_is_changed(ani: Person) -> None:
    change = {"current_password": ani.password, "new_password": NEW}
    assert (await ani.post("/v1/auth/password", change | {"current_password": "wrong"})).code == "credentials_invalid"
    changed = await ani.post("/v1/auth/password", change)
    assert (changed.status, changed.body) == (204, b"")
    assert (await ani.get("/v1/auth/me")).status == 200, "the session that changed it goes on"
    assert (await log_in(ani)).code == "credentials_invalid"
    assert (await log_in(ani, NEW)).status == 200


@pytest.mark.parametrize("path", ["/v1/auth/password", "/v1/auth/password/forgot", "/v1/auth/password/reset"])
async def test_what_is_no_request_is_refused(ani: Person, path: str) -> None:
    for body in ({}, {"email": 1}, {"new_password": "short"}, {"token": "x", "new_password": NEW, "email": "a@b.co"}):
        refused = await ani.post(path, body)
        assert (refused.status, refused.code) == (422, "validation_failed")


@pytest.mark.parametrize("password", ["password1234", "qwertyuiop12", "WijayaWijaya1"])
async def test_a_password_that_would_be_guessed_is_refused_everywhere(
    ani: Person, nobody: Person, password: str
) -> None:
    about = {"email": nobody.email, "password": password, "first_name": "Ani", "last_name": "Wijaya"}
    registered = await nobody.post("/v1/auth/register", about)
    assert (registered.status, registered.code) == (422, "password_too_common")
    change = {"current_password": ani.password, "new_password": password}
    assert (await ani.post("/v1/auth/password", change)).code == "password_too_common"
    assert (await log_in(ani)).status == 200


async def test_a_lockout_says_when_to_come_back_and_no_header_helps(meet: Meet) -> None:
    ani = await meet()
    answers = [await log_in(ani, f"wrong {n}") for n in range(11)]
    assert [answer.status for answer in answers] == [401] * 10 + [429]
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"):
        value = "for=203.0.113.9" if header == "Forwarded" else "203.0.113.9"
        credentials = {"email": ani.email, "password": ani.password}
        refused = await ani.post("/v1/auth/login", credentials, headers={header: value}, at=1)
        assert (refused.status, refused.code) == (429, "locked_out")
        assert 1 < int(refused.headers["Retry-After"]) <= 1800
    upper = await ani.post("/v1/auth/login", {"email": ani.email.upper(), "password": ani.password})
    assert upper.code == "locked_out"
    assert (await ani.get("/v1/auth/me")).status == 200, "who is in stays in"


async def test_a_password_is_reset_by_mail(system: System, meet: Meet, nobody: Person) -> None:
    ani = await meet()
    for n in range(11):
        await log_in(ani, f"wrong {n}")
    token = await token_for(system, ani)
    reset = {"token": token, "new_password": NEW}
    refused = await nobody.post("/v1/auth/password/reset", reset | {"new_password": "password1234"})
    assert refused.code == "password_too_common"
    done = await nobody.post("/v1/auth/password/reset", reset, at=1)
    assert (done.status, done.body) == (204, b"")
    assert (await log_in(ani)).code == "credentials_invalid"
    assert (await log_in(ani, NEW)).status == 200
    again = await nobody.post("/v1/auth/password/reset", reset)
    assert (again.status, again.code) == (401, "reset_token_invalid")


async def test_tokens_and_addresses_that_nobody_has_are_answered_alike(meet: Meet, nobody: Person) -> None:
    ani = await meet()
    answers = [await nobody.post("/v1/auth/password/forgot", {"email": email}) for email in (ani.email, nobody.email)]
    assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * 2
    for forged in ("x", f"rst_{'0' * 32}.local.AAAA", "ö"):
        refused = await nobody.post("/v1/auth/password/reset", {"token": forged, "new_password": NEW})
        assert (refused.status, refused.code) == (401, "reset_token_invalid")


async def test_an_authenticator_is_set_up_used_and_removed(meet: Meet) -> None:
    ani = await meet()
    begun = await ani.post("/v1/auth/totp")
    assert begun.status == 200
    assert begun.headers["Cache-Control"] == "no-store"
    shown = begun.json
    assert shown["otpauth_uri"].startswith("otpauth://totp/")
    assert len(set(shown["recovery_codes"])) == 10
    assert (await ani.post("/v1/auth/totp/confirm", {"code": "12345"})).code == "totp_invalid"
    assert (await ani.post("/v1/auth/totp/confirm", {"code": code(shown, -1)})).status == 204
    assert (await ani.post("/v1/auth/totp", {})).code == "totp_enabled"

    required = await log_in(ani)
    assert (required.status, required.code) == (401, "totp_required")
    said = code(shown)
    assert (await log_in(ani, totp=said)).status == 200
    replayed = await log_in(ani, totp=said)
    assert (replayed.status, replayed.code) == (401, "totp_invalid")
    recovery = shown["recovery_codes"][0]
    assert (await log_in(ani, totp=recovery)).status == 200
    assert (await log_in(ani, totp=recovery)).code == "totp_invalid"

    assert (await ani.call("DELETE", "/v1/auth/totp", {"password": "wrong"})).code == "credentials_invalid"
    assert (await ani.call("DELETE", "/v1/auth/totp", {"password": ani.password})).status == 204
    assert (await log_in(ani)).status == 200


async def test_a_reset_does_not_get_around_an_authenticator(system: System, meet: Meet) -> None:
    ani = await meet()
    shown = (await ani.post("/v1/auth/totp")).json
    assert (await ani.post("/v1/auth/totp/confirm", {"code": code(shown, -1)})).status == 204
    token = await token_for(system, ani)
    assert (await ani.post("/v1/auth/password/reset", {"token": token, "new_password": NEW})).status == 204
    assert (await log_in(ani, NEW)).code == "totp_required"
    assert (await log_in(ani, NEW, totp=code(shown))).status == 200


async def test_these_answer_directly_whatever_is_preferred(meet: Meet) -> None:
    ani = await meet()
    change = {"current_password": ani.password, "new_password": NEW}
    changed = await ani.post("/v1/auth/password", change, prefer="respond-async", key="ignored")
    assert changed.status == 204
    begun = await ani.post("/v1/auth/totp", prefer="respond-async", key="ignored")
    assert begun.status == 200
    assert (await ani.post("/v1/auth/totp", prefer="respond-async", key="ignored")).json != begun.json
