"""Passwords that are replaced, and those that are not accepted."""

import asyncpg
import pytest

from contracts.identity import ChangePassword, LogIn, Register
from contracts.operations import Reply
from tests.workers.identity.conftest import PASSWORD, Desk

NEW = "a different phrase altogether"


def ended(reply: Reply) -> str:
    return reply.problem.code if reply.problem else reply.status


async def test_the_new_password_takes_the_place_of_the_old_one(desk: Desk) -> None:
    registered = await desk.register()
    assert registered.result is not None
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    assert ended(await desk.client.ask(change, registered.result["id"])) == "succeeded"
    assert ended(await desk.log_in()) == "credentials_invalid"
    assert ended(await desk.log_in(password=NEW)) == "succeeded"


async def test_it_takes_the_old_one(desk: Desk, rows: asyncpg.Connection) -> None:
    registered = await desk.register()
    assert registered.result is not None
    before = await rows.fetchval("SELECT password_hash FROM identity.users")
    change = ChangePassword(current_password="not the password", new_password=NEW)
    assert ended(await desk.client.ask(change, registered.result["id"])) == "credentials_invalid"
    for nobody in ("usr_none", "mer_1"):
        assert ended(await desk.client.ask(change, nobody)) == "not_found"
    assert await rows.fetchval("SELECT password_hash FROM identity.users") == before


@pytest.mark.parametrize("new", ["password1234", "BudiSantoso12", "budi@example.com", "qwertyuiop12"])
async def test_what_would_be_guessed_is_refused(desk: Desk, rows: asyncpg.Connection, new: str) -> None:
    registered = await desk.register()
    assert registered.result is not None
    change = ChangePassword(current_password=PASSWORD, new_password=new)
    assert ended(await desk.client.ask(change, registered.result["id"])) == "password_too_common"
    assert ended(await desk.log_in()) == "succeeded"
    asked = Register(email="budi.santoso@example.com", password=new, first_name="Budi", last_name="Santoso")
    assert ended(await desk.client.ask(asked, "")) == "password_too_common"
    assert await rows.fetchval("SELECT count(*) FROM identity.users") == 1


async def test_an_archived_person_changes_nothing(desk: Desk, rows: asyncpg.Connection) -> None:
    registered = await desk.register()
    assert registered.result is not None
    await rows.execute("UPDATE identity.users SET status = 'archived'")
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    assert ended(await desk.client.ask(change, registered.result["id"])) == "credentials_invalid"


def test_no_password_shows_in_a_repr() -> None:
    change = ChangePassword(current_password=PASSWORD, new_password=NEW)
    login = LogIn(email="budi@example.com", password=PASSWORD, totp="123456")
    assert not any(secret in repr(change) + repr(login) for secret in (PASSWORD, NEW, "123456"))
