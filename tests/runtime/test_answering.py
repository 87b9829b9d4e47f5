"""Queries are taken as they can be answered, and each at most once."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts.bus import Bus
from contracts.envelope import Envelope, encode
from tests.runtime.desk import Desk
from tests.runtime.patience import until
from tests.runtime.probe import DOMAINS, WHOLE
from tests.runtime.said.bank import GetAccount
from workers.runtime.answering import Answering
from workers.runtime.resources import Resources
from workers.runtime.roster import Roster


class Delivered:
    """A bundle of one query, from the broker."""

    def __init__(self, *, redelivered: bool = False) -> None:
        self.raw_message = SimpleNamespace(redelivered=redelivered)
        query = Envelope("msg_1", GetAccount.wire_name, GetAccount(account="a"), reply_to="gateway.test.replies")
        self.body = b"[" + encode(query) + b"]"
        self.acknowledged = False

    async def ack(self) -> None:
        """Done with."""
        self.acknowledged = True


@pytest.fixture
def answering(desk: Desk) -> Answering:
    roster = Roster.of([DOMAINS["bank"]], WHOLE)
    resources = Resources(desk.database.reader, cast("Any", None), cast("Any", None))
    return Answering(roster, desk.database, cast("Bus", desk.bus), resources, most=1)


async def test_a_query_is_acknowledged_when_it_is_answered(desk: Desk, answering: Answering) -> None:
    """Until then the broker keeps the next ones: a worker takes no more than it can do."""
    first, second = Delivered(), Delivered()
    async with answering._slots:
        tasks = [asyncio.create_task(answering.take("", cast("Any", one))) for one in (first, second)]
        await asyncio.sleep(0.1)
        assert not first.acknowledged
        assert not second.acknowledged
    await until(lambda: first.acknowledged and second.acknowledged)
    await asyncio.gather(*tasks)
    assert len(desk.bus.replies) == 2


async def test_a_query_that_comes_back_is_not_asked_again(desk: Desk, answering: Answering) -> None:
    """It may have ended its worker, and whoever asked has asked again."""
    back = Delivered(redelivered=True)
    await answering.take("", cast("Any", back))
    assert back.acknowledged
    assert desk.bus.replies == []
