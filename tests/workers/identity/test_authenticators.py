"""One-time codes at a real worker: asked for, taken once, not to be guessed, and never kept in clear."""

import asyncio
import base64
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from contracts.identity import BeginTotp, ConfirmTotp, LogIn, RemoveTotp
from contracts.operations import Reply
from tests.workers.conftest import Start
from tests.workers.identity.conftest import PASSWORD, Desk
from workers.identity import totp

NEW_KEY = {"id": "new", "key": base64.urlsafe_b64encode(bytes([1] * 32)).decode()}
OLD_KEY = {"id": "test", "key": base64.urlsafe_b64encode(bytes(32)).decode()}

SOON_SECONDS = 5


class Device:
    """An authenticator, and whose it is."""

    def __init__(self, desk: Desk, user: str, shown: dict[str, Any]) -> None:
        self.desk, self.user, self.shown = desk, user, shown
        self.secret = base64.b32decode(shown["secret"])

    def code(self, later: int = 0) -> str:
        """What it shows now, or some steps later."""
        return totp.code(self.secret, totp.step_of(datetime.now(UTC)) + later)

    async def earlier_code(self) -> str:
        """What it showed a step before, while that is good for a while yet."""
        left = totp.STEP_SECONDS - datetime.now(UTC).timestamp() % totp.STEP_SECONDS
        if left < SOON_SECONDS:
            await asyncio.sleep(left)
        return self.code(-1)

    async def log_in(self, said: str | None, password: str = PASSWORD) -> str:
        """How a login with this code ends."""
        asked = LogIn(email="budi@example.com", password=password, totp=said)
        return ended(await self.desk.client.ask(asked, "", address="192.0.2.1"))

    async def confirm(self, said: str) -> str:
        """How a confirmation ends."""
        return ended(await self.desk.client.ask(ConfirmTotp(code=said), self.user))


def ended(reply: Reply) -> str:
    return reply.problem.code if reply.problem else reply.status


@pytest.fixture
async def begun(desk: Desk) -> Device:
    """An authenticator that is not confirmed yet."""
    registered = await desk.register()
    assert registered.result is not None
    reply = await desk.client.ask(BeginTotp(), registered.result["id"])
    assert reply.result is not None
    return Device(desk, registered.result["id"], reply.result)


@pytest.fixture
async def device(begun: Device) -> Device:
    """One that is, with a code of the step before."""
    assert await begun.confirm(await begun.earlier_code()) == "succeeded"
    return begun


async def test_codes_are_asked_for_once_one_was_confirmed(begun: Device) -> None:
    assert await begun.log_in(None) == "succeeded"
    assert await begun.confirm("000000" if begun.code() != "000000" else "000001") == "totp_invalid"
    assert await begun.log_in(None) == "succeeded"
    assert await begun.confirm(await begun.earlier_code()) == "succeeded"
    assert await begun.log_in(None) == "totp_required"
    assert await begun.log_in(begun.code()) == "succeeded"


async def test_the_password_comes_first(device: Device) -> None:
    assert await device.log_in(None, "wrong") == "credentials_invalid"
    assert await device.log_in(device.code(), "wrong") == "credentials_invalid"
    assert await device.log_in(device.code()) == "succeeded", "a wrong password uses no code up"


async def test_a_code_is_taken_once(device: Device) -> None:
    said = device.code()
    assert await device.log_in(said) == "succeeded"
    assert await device.log_in(said) == "totp_invalid"
    assert await device.log_in(device.code(1)) == "succeeded"
    assert await device.log_in(said) == "totp_invalid", "nor is one from before the last one"


async def test_of_many_logins_with_one_code_at_once_one_succeeds(device: Device, start_worker: Start) -> None:
    await start_worker("identity")
    said = device.code()
    ends = Counter(await asyncio.gather(*(device.log_in(said) for _ in range(8))))
    assert ends == {"succeeded": 1, "totp_invalid": 7}


async def test_the_code_of_a_confirmation_is_used_up(begun: Device) -> None:
    said = begun.code()
    assert await begun.confirm(said) == "succeeded"
    assert await begun.log_in(said) == "totp_invalid"


async def test_a_recovery_code_works_once_however_it_is_typed(device: Device) -> None:
    first, second = device.shown["recovery_codes"][:2]
    assert await device.log_in(first) == "succeeded"
    assert await device.log_in(first) == "totp_invalid"
    assert await device.log_in(second.replace("-", "").upper()) == "succeeded"
    ends = Counter(await asyncio.gather(*(device.log_in(device.shown["recovery_codes"][2]) for _ in range(5))))
    assert ends == {"succeeded": 1, "totp_invalid": 4}


async def test_a_recovery_code_confirms_nothing(begun: Device) -> None:
    assert await begun.confirm(begun.shown["recovery_codes"][0]) == "totp_invalid"


async def test_codes_are_not_to_be_guessed(device: Device) -> None:
    """A password in the wrong hands gets ten tries at the code, whatever is tried in between."""
    good = {device.code(later) for later in range(-2, 4)}
    wrong = (f"{n:06}" for n in range(1_000_000) if f"{n:06}" not in good)
    ends = []
    for _ in range(10):
        ends.append(await device.log_in(next(wrong)))
        if len(ends) < 10:
            assert await device.log_in(None) == "totp_required"
    assert ends == ["totp_invalid"] * 10
    assert await device.log_in(device.code()) == "locked_out"
    assert await device.log_in(device.shown["recovery_codes"][0]) == "locked_out"


async def test_there_is_one_authenticator_at_a_time(device: Device) -> None:
    again = await device.desk.client.ask(BeginTotp(), device.user)
    assert ended(again) == "totp_enabled"
    assert await device.confirm(device.code()) == "totp_enabled"


async def test_one_that_was_never_confirmed_is_replaced(begun: Device) -> None:
    reply = await begun.desk.client.ask(BeginTotp(), begun.user)
    assert reply.result is not None
    assert reply.result["secret"] != begun.shown["secret"]
    assert await begun.confirm(begun.code()) == "totp_invalid"
    newer = Device(begun.desk, begun.user, reply.result)
    assert await newer.confirm(newer.code()) == "succeeded"
    assert await newer.log_in(begun.shown["recovery_codes"][0]) == "totp_invalid"


async def test_removing_takes_the_password(device: Device) -> None:
    ask = device.desk.client.ask
    assert ended(await ask(RemoveTotp(password="wrong"), device.user)) == "credentials_invalid"
    assert await device.log_in(None) == "totp_required"
    assert ended(await ask(RemoveTotp(password=PASSWORD), device.user)) == "succeeded"
    assert await device.log_in(None) == "succeeded"
    assert ended(await ask(ConfirmTotp(code=device.code()), device.user)) == "totp_not_begun"


async def test_others_have_nothing_to_do_with_it(device: Device) -> None:
    other = await device.desk.register("other@example.com")
    assert other.result is not None
    ask = device.desk.client.ask
    assert ended(await ask(ConfirmTotp(code=device.code()), other.result["id"])) == "totp_not_begun"
    assert ended(await ask(RemoveTotp(password=PASSWORD), other.result["id"])) == "succeeded"
    assert await device.log_in(None) == "totp_required"
    for stranger in ("usr_none", "mer_1"):
        assert ended(await ask(BeginTotp(), stranger)) == "not_found"


async def test_nothing_of_it_is_kept_in_clear(device: Device, rows: asyncpg.Connection) -> None:
    kept = "".join(row["text"] for row in await rows.fetch("SELECT t::text AS text FROM identity.totps AS t"))
    said = device.code()
    assert await device.log_in(said) == "succeeded"
    kept += "".join(row["text"] for row in await rows.fetch("SELECT o::text AS text FROM runtime.untold AS o"))
    plain = [code.replace("-", "") for code in device.shown["recovery_codes"]]
    for secret in (device.shown["secret"], device.secret.hex(), *device.shown["recovery_codes"], *plain):
        assert secret not in kept
    assert "test." in kept, "the key's id says what opens it"


async def test_sealing_keys_are_rotated_at_the_next_login(
    device: Device, rows: asyncpg.Connection, start_worker: Start
) -> None:
    await start_worker("identity", sealing_keys=[NEW_KEY, OLD_KEY])
    codes = iter(device.shown["recovery_codes"])
    for _ in range(8):
        assert await device.log_in(next(codes)) == "succeeded"
        if (await rows.fetchval("SELECT sealed FROM identity.totps")).startswith("new."):
            return
    pytest.fail("no login reached the worker with the new key")
