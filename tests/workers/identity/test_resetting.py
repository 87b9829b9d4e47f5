"""Passwords that are reset by mail: to whoever reads it, once, within a while."""

import asyncio
import re
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from contracts.identity import ChangePassword, CreateUser, ForgetPassword, ResetPassword, UpdateUser
from contracts.operations import Reply
from tests.workers.client import Client
from tests.workers.conftest import Start
from tests.workers.identity.conftest import PASSWORD, Desk

NEW = "a different phrase altogether"
TOKEN = re.compile(r"rst_\S+")
PATIENCE_SECONDS = 20


def ended(reply: Reply) -> str:
    return reply.problem.code if reply.problem else reply.status


def text(path: Path) -> str:
    """What a mail says."""
    mail: Any = message_from_bytes(path.read_bytes(), policy=policy.default)
    return str(mail.get_content())


class Post:
    """A worker that files its mails, and what is done with them."""

    def __init__(self, desk: Desk, folder: Path, rows: asyncpg.Connection) -> None:
        self.desk, self.folder, self.rows = desk, folder, rows

    async def forget(self, email: str = "budi@example.com") -> None:
        """Ask for a token."""
        assert ended(await self.desk.client.ask(ForgetPassword(email=email), "", address="192.0.2.1")) == "succeeded"

    async def tokens(self, count: int) -> list[str]:
        """What has been mailed, once it is so many and good for something."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.rows.fetchval("SELECT count(*) FROM identity.resets") < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return [found for path in sorted(self.folder.glob("*.eml")) for found in TOKEN.findall(text(path))]

    async def token(self) -> str:
        """The token that is asked for and mailed."""
        await self.forget()
        [token] = await self.tokens(1)
        return token

    async def reset(self, token: str, password: str = NEW) -> str:
        """How using a token ends."""
        asked = ResetPassword(token=token, new_password=password)
        return ended(await self.desk.client.ask(asked, "", address="192.0.2.1"))


@pytest.fixture
async def post(start_worker: Start, client: Client, tmp_path: Path, rows: asyncpg.Connection) -> Post:
    """A worker that files its mails, and somebody who has registered."""
    await start_worker("identity", notifier="file", notifier_folder=tmp_path)
    desk = Desk(client)
    await desk.register()
    return Post(desk, tmp_path, rows)


async def test_whoever_reads_the_mail_replaces_the_password(post: Post) -> None:
    token = await post.token()
    assert await post.reset(token) == "succeeded"
    assert ended(await post.desk.log_in()) == "credentials_invalid"
    assert ended(await post.desk.log_in(password=NEW)) == "succeeded"


async def test_the_mail_says_what_it_is_for(post: Post) -> None:
    token = await post.token()
    [path] = post.folder.glob("*.eml")
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("budi@example.com", "Reset your password")
    assert token in text(path)
    assert "Budi" in text(path)
    assert "30 minutes" in text(path)
    assert path.stat().st_mode & 0o077 == 0


async def test_a_token_works_once(post: Post) -> None:
    token = await post.token()
    ends = Counter(await asyncio.gather(*(post.reset(token, f"{NEW} {n}") for n in range(5))))
    assert ends == {"succeeded": 1, "reset_token_invalid": 4}
    assert await post.reset(token) == "reset_token_invalid"


async def test_using_one_token_voids_the_others(post: Post) -> None:
    await post.forget()
    await post.forget()
    first, second = await post.tokens(2)
    assert first != second
    assert await post.reset(second) == "succeeded"
    assert await post.reset(first) == "reset_token_invalid"


async def test_a_token_is_good_for_a_while(post: Post) -> None:
    token = await post.token()
    await post.rows.execute("UPDATE identity.resets SET expires_at = now()")
    assert await post.reset(token) == "reset_token_invalid"
    assert ended(await post.desk.log_in()) == "succeeded"


async def test_tokens_are_not_to_be_forged(post: Post) -> None:
    token = await post.token()
    reset_id, kid, mac = token.split(".")
    forged = [
        reset_id,
        f"{reset_id}.{kid}.",
        f"{reset_id}.none.{mac}",
        f"{reset_id}.{kid}.{mac[:-2]}AA",
        f"rst_{'0' * 32}.{kid}.{mac}",
        f"{reset_id}..{mac}",
    ]
    assert {await post.reset(one) for one in forged} == {"reset_token_invalid"}
    assert await post.reset(token) == "succeeded", "trying has not harmed it"


async def test_a_changed_password_voids_what_was_mailed(post: Post) -> None:
    token = await post.token()
    user = await post.rows.fetchval("SELECT id FROM identity.users")
    change = ChangePassword(current_password=PASSWORD, new_password="one that I thought of myself")
    assert ended(await post.desk.client.ask(change, user)) == "succeeded"
    assert await post.reset(token) == "reset_token_invalid"


async def test_a_password_that_would_be_guessed_uses_no_token_up(post: Post) -> None:
    token = await post.token()
    assert await post.reset(token, "password1234") == "password_too_common"
    assert await post.reset(token, "BudiSantoso12") == "password_too_common"
    assert await post.reset(token) == "succeeded"


async def test_strangers_and_the_archived_get_no_mail_and_the_same_answer(post: Post) -> None:
    await post.desk.register("archived@example.com")
    await post.rows.execute("UPDATE identity.users SET status = 'archived' WHERE email LIKE 'archived%'")
    await post.forget("stranger@example.com")
    await post.forget("archived@example.com")
    await post.forget()
    assert len(await post.tokens(1)) == 1
    assert await post.rows.fetchval("SELECT count(*) FROM runtime.dead_letters") == 0


async def test_the_archived_use_no_token(post: Post) -> None:
    token = await post.token()
    await post.rows.execute("UPDATE identity.users SET status = 'archived'")
    assert await post.reset(token) == "reset_token_invalid"


async def test_nobody_is_flooded_with_mail(post: Post) -> None:
    for _ in range(6):
        await post.forget()
    await post.tokens(3)
    other = await post.desk.register("other@example.com")
    assert other.status == "succeeded"
    await post.forget("other@example.com")
    assert len(await post.tokens(4)) == 4


async def test_a_reset_lets_the_owner_in_again(post: Post) -> None:
    for n in range(11):
        last = await post.desk.log_in(password=f"wrong {n}", address="198.51.100.7")
    assert ended(last) == "locked_out"
    assert ended(await post.desk.log_in(address="192.0.2.1")) == "locked_out"
    assert await post.reset(await post.token()) == "succeeded"
    for n in range(11):
        await post.desk.log_in(password=f"wrong {n}", address="198.51.100.8")
    assert ended(await post.desk.log_in(password=NEW, address="192.0.2.1")) == "succeeded"


async def test_no_row_or_message_holds_the_token(post: Post) -> None:
    token = await post.token()
    mac = token.rpartition(".")[2]
    tables = await post.rows.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname IN ('identity', 'runtime', 'operations')"
    )
    for table in tables:
        for row in await post.rows.fetch(f"SELECT t::text AS text FROM {table['name']} AS t"):
            assert mac not in row["text"], table["name"]


async def test_a_mail_that_can_not_be_sent_is_tried_again(
    start_worker: Start, client: Client, tmp_path: Path, rows: asyncpg.Connection
) -> None:
    """The folder is a file at first: delivery fails, is delayed, and succeeds once it can."""
    folder = tmp_path / "mails"
    folder.write_text("in the way")
    await start_worker("identity", notifier="file", notifier_folder=folder, max_attempts=100)
    post = Post(Desk(client), folder, rows)
    await post.desk.register()
    await post.forget()
    await asyncio.sleep(0.5)
    assert await rows.fetchval("SELECT count(*) FROM identity.resets") == 0
    folder.unlink()
    assert len(await post.tokens(1)) == 1


async def test_without_a_notifier_operators_see_what_was_not_sent(
    start_worker: Start, client: Client, rows: asyncpg.Connection, tmp_path: Path
) -> None:
    await start_worker("identity", max_attempts=1)
    post = Post(Desk(client), tmp_path, rows)
    await post.desk.register()
    await post.forget()
    async with asyncio.timeout(PATIENCE_SECONDS):
        letters = "SELECT type, reason FROM runtime.dead_letters"
        while (letter := await rows.fetchrow(letters)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert letter["type"] == "identity.SendPasswordReset.v1"
    assert "NOTIFIER" in letter["reason"]


async def test_who_is_made_without_a_password_is_mailed_a_token_to_choose_one(post: Post) -> None:
    made = CreateUser(email="new@example.com", first_name="N", last_name="U")
    assert ended(await post.desk.client.ask(made, "usr_operator")) == "succeeded"
    [token] = await post.tokens(1)
    assert await post.reset(token) == "succeeded"
    assert ended(await post.desk.log_in("new@example.com", NEW)) == "succeeded"


async def test_a_common_password_is_given_to_nobody(post: Post) -> None:
    made = CreateUser(email="new@example.com", password="passwordpassword", first_name="N", last_name="U")
    assert ended(await post.desk.client.ask(made, "usr_operator")) == "password_too_common"


async def test_what_was_mailed_to_a_former_address_is_void(post: Post) -> None:
    """Whoever still reads that mail must not get in."""
    token = await post.token()
    user = await post.rows.fetchval("SELECT id FROM identity.users")
    moved = UpdateUser(user_id=user, email="elsewhere@example.com")
    assert ended(await post.desk.client.ask(moved, user)) == "succeeded"
    assert await post.reset(token) == "reset_token_invalid"
    assert ended(await post.desk.log_in("elsewhere@example.com", PASSWORD)) == "succeeded"
