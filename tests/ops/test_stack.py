"""A stack that has lost a part of itself is noticed, shown and mended; nobody stops what is not theirs."""

import os
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console

from ops import foreground
from ops.local import status
from ops.local.daemon import Daemon
from ops.local.home import Busy, Home
from ops.local.servers import Servers
from ops.local.stack import Stack
from ops.trouble import Trouble

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
GIVEN = {"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "AMQP_URL": "amqp://127.0.0.1:1"}


@pytest.fixture
def stack(home: Home) -> Iterator[Stack]:
    """Two sleepers that stand for a gateway and a private Valkey; the other servers are somebody else's."""
    stack = Stack(home, say=lambda _: None)
    stack.servers = Servers(home, GIVEN)
    for name in ("gateway", "valkey"):
        Daemon(home, name).start(SLEEP, env=os.environ, port=1234)
    yield stack
    stack.down()


def test_it_is_whole_while_all_of_it_runs(stack: Stack) -> None:
    assert stack.whole
    process = Daemon(stack.home, "valkey").process
    assert process
    process.kill()
    process.wait()
    assert stack.running
    assert not stack.whole
    shown = Console(width=200)
    with shown.capture() as capture:
        shown.print(status.table(stack.home))
    [line] = [line for line in capture.get().splitlines() if "valkey" in line]
    assert "crashed" in line


def test_who_watches_is_told_which_part_has_ended(stack: Stack) -> None:
    process = Daemon(stack.home, "valkey").process
    assert process
    process.kill()
    with pytest.raises(Trouble, match="valkey has ended"):
        foreground.wait(stack)


def test_what_another_launcher_starts_is_not_stopped(stack: Stack) -> None:
    with pytest.raises(Busy), foreground.stopped_afterwards(stack), stack.home.locked(), stack.home.locked():
        pass
    assert stack.whole


@pytest.mark.parametrize(
    ("variable", "url", "sentence"),
    [
        ("DATABASE_URL", "postgresql://ani:secret@127.0.0.1:1/saldo", "DATABASE_URL names 127.0.0.1:1, where nothing"),
        ("AMQP_URL", "amqp://guest:secret@127.0.0.1:1/", "AMQP_URL names 127.0.0.1:1, where nothing answers"),
        ("REDIS_URL", "nonsense", "REDIS_URL is not a URL"),
    ],
)
def test_a_server_that_is_named_must_be_there(home: Home, variable: str, url: str, sentence: str) -> None:
    with pytest.raises(Trouble, match=sentence) as refused:
        Servers(home, {variable: url}).start(lambda _: None)
    assert "secret" not in str(refused.value)
    assert not Stack(home).anything_running


def test_a_guard_that_is_missing_is_said(home: Home) -> None:
    database, broker = Servers(home, GIVEN).unguarded()
    assert "MIGRATIONS_DATABASE_URL" in database
    assert "WORKERS_AMQP_URL" in broker
    own = {"MIGRATIONS_DATABASE_URL": "postgresql://owner@db/saldo", "WORKERS_AMQP_URL": "amqp://workers@mq/saldo"}
    assert not Servers(home, GIVEN | own).unguarded()
    assert not Servers(home, {}).unguarded()
