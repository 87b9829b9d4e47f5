"""Several workers, batches of any size, any order, any repetition: no cent is made, lost or spent twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import ids
from contracts.envelope import Envelope
from contracts.ledger import FreezeWallet, GetWallet, Leg, PlaceHold, ReleaseHold, SettleHold, UnfreezeWallet
from contracts.message import Asked
from contracts.transfers import Destination, RequestTransfer, Source
from tests.servers import Database, Databases
from tests.workers.ledger.desk import Desk, credit, sent
from workers.ledger import chart, verification

WORKERS = 3
WALLETS = 4
HOLDS = 4

wallet_numbers = st.integers(0, WALLETS - 1)
amounts = st.integers(1, 120)


@dataclass(frozen=True)
class Act:
    """Something to do with some wallets, handled by `worker` in a batch with its neighbours of the same `batch`."""

    what: str
    one: int
    other: int
    amount: int
    hold: int
    worker: int
    batch: int


acts = st.builds(
    Act,
    what=st.sampled_from(["credit", "transfer", "transfer", "hold", "settle", "release", "freeze", "unfreeze"]),
    one=wallet_numbers,
    other=wallet_numbers,
    amount=amounts,
    hold=st.integers(0, HOLDS - 1),
    worker=st.integers(0, WORKERS - 1),
    batch=st.integers(0, 3),
)


@pytest.fixture(scope="module")
async def database(databases: Databases) -> AsyncIterator[Database]:
    """One for all examples: each opens wallets of its own."""
    made = await databases.create()
    yield made
    await databases.drop(made)


@pytest.fixture(scope="module")
async def desks(database: Database) -> AsyncIterator[list[Desk]]:
    """The workers. They share a stripe, so that they get in each other's way where they can."""
    chart.use_stripe(0)
    desks = [Desk(database.app_url) for _ in range(WORKERS)]
    yield desks
    for desk in desks:
        await desk.close()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=st.lists(acts, min_size=20, max_size=60), repeats=st.randoms(use_true_random=False))
async def test_any_interleaving_conserves_money(
    desks: list[Desk], database: Database, plan: list[Act], repeats: Any
) -> None:
    wallets = [await desks[0].wallet(f"usr_{n}", funds=100) for n in range(WALLETS)]
    example = ids.new("tst")
    work = [(act, envelope_of(act, wallets, example)) for act in plan]
    before = {total.currency: total for total in (await verification.report(database.app_url)).totals}
    await asyncio.gather(*(run(desk, number, work) for number, desk in enumerate(desks)))

    after = await verification.report(database.app_url)
    assert after.sound, after.findings
    arrived = sum(act.amount for act in plan if act.what == "credit")
    [total] = after.totals
    assert total.wallets - before["IDR"].wallets == arrived
    assert total.suspense == 0

    everything = await contents(desks[0])
    again = [(replace_worker(act, repeats), again_of(envelope)) for act, envelope in work]
    repeats.shuffle(again)
    await asyncio.gather(*(run(desk, number, again) for number, desk in enumerate(desks)))
    assert await contents(desks[0]) == everything


async def test_many_payers_do_not_spend_the_same_money_twice(desks: list[Desk]) -> None:
    rich = await desks[0].wallet("usr_rich", funds=100)
    shops = [await desks[0].wallet(f"usr_shop_{n}") for n in range(3)]
    sends = [sent(transfer(rich, shops[n % 3], 30), "usr_rich") for n in range(12)]
    answers = await asyncio.gather(*(desk.deliver(*sends[n::WORKERS]) for n, desk in enumerate(desks)))
    told = [answer for answered in answers for answer in answered.values()]
    assert sorted(one.status for one in told) == ["failed"] * 9 + ["succeeded"] * 3
    assert {one.problem.code for one in told if one.problem} == {"insufficient_funds"}


async def test_money_goes_round_in_circles_without_a_deadlock(desks: list[Desk], database: Database) -> None:
    ring = [await desks[0].wallet(f"usr_{n}", funds=1000) for n in range(WORKERS)]
    rounds = 10

    async def around(number: int) -> None:
        source, to = ring[number], ring[(number + 1) % WORKERS]
        for _ in range(rounds):
            told = await desks[number].deliver(sent(transfer(source, to, 10), f"usr_{number}"))
            assert [one.status for one in told.values()] == ["succeeded"]

    await asyncio.gather(*(around(number) for number in range(WORKERS)))
    assert (await verification.report(database.app_url)).sound
    async with desks[0].database.transaction() as connection:
        rows = await connection.fetch("SELECT posted FROM ledger.accounts WHERE id = ANY($1)", ring)
    assert [row["posted"] for row in rows] == [1000] * WORKERS


async def test_a_message_whose_claim_was_lost_does_not_post_twice(desks: list[Desk], database: Database) -> None:
    rich = await desks[0].wallet("usr_rich")
    arrival = sent(credit(rich, 70))
    await desks[0].deliver(arrival)
    admin = await asyncpg.connect(database.admin_url)
    assert await admin.execute("DELETE FROM runtime.inbox WHERE id = $1", arrival.id) == "DELETE 1"
    await admin.close()
    with pytest.raises(AssertionError, match=r"ledger\.dead"):
        await desks[1].deliver(arrival)
    assert (await desks[0].ask(GetWallet(wallet_id=rich), "usr_rich")).balance.posted == 70


async def run(desk: Desk, number: int, work: list[tuple[Act, Envelope]]) -> None:
    """One worker's share, batch after batch."""
    for batch in range(4):
        mine = [envelope for act, envelope in work if (act.worker, act.batch) == (number, batch)]
        if mine:
            await desk.deliver(*mine)


def envelope_of(act: Act, wallets: list[str], example: str) -> Envelope:
    """The message of an act. A hold always belongs to the same wallets, so that its acts meet."""
    one, other, owner = wallets[act.one], wallets[act.other], f"usr_{act.one}"
    source, to, hold = wallets[act.hold - 1], wallets[act.hold], ids.derived("hld", example, str(act.hold))
    messages: dict[str, Callable[[], Asked[Any]]] = {
        "credit": lambda: credit(one, act.amount),
        "transfer": lambda: transfer(one, other, act.amount),
        "hold": lambda: PlaceHold(
            hold_id=hold,
            account_id=source,
            owner=f"usr_{(act.hold - 1) % WALLETS}",
            to=to,
            amount=act.amount,
            currency="IDR",
        ),
        "settle": lambda: SettleHold(
            hold_id=hold,
            account_id=source,
            legs=[Leg(to=to, amount=act.amount, kind="payment")],
            final=act.amount % 2 == 0,
        ),
        "release": lambda: ReleaseHold(hold_id=hold, account_id=source),
        "freeze": lambda: FreezeWallet(wallet_id=one),
        "unfreeze": lambda: UnfreezeWallet(wallet_id=one),
    }
    envelope = sent(messages[act.what](), owner)
    # A hold is placed by one message only; what else would place it is a repeat of that one.
    return envelope._replace(id=f"{hold}:place") if act.what == "hold" else envelope


def transfer(source: str, to: str, amount: int) -> RequestTransfer:
    ends = {"source": Source(wallet_id=source), "destination": Destination(wallet_id=to)}
    return RequestTransfer.model_validate(ends | {"amount": amount, "currency": "IDR"})


def replace_worker(act: Act, chance: Any) -> Act:
    """The same act at another worker."""
    return replace(act, worker=chance.randrange(WORKERS), batch=chance.randrange(4))


def again_of(envelope: Envelope) -> Envelope:
    """The same message submitted again."""
    return envelope._replace(request=ids.new("req"))


async def contents(desk: Desk) -> dict[str, list[Any]]:
    """All rows of the ledger and of transfers."""
    async with desk.database.transaction() as connection:
        tables = ("ledger.accounts", "ledger.holds", "ledger.movements", "transfers.transfers")
        return {table: await connection.fetch(f"SELECT * FROM {table} ORDER BY id") for table in tables}
