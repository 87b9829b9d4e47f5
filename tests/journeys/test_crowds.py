"""Many at once: nothing lost, nothing doubled, nothing overdrawn."""

import asyncio
from collections import Counter

from tests.journeys.conftest import Meet
from tests.people import Person, key


async def test_two_hundred_top_ups_at_once_credit_all_of_them(ani: Person) -> None:
    wallet = await ani.open()
    answers = await asyncio.gather(*(ani.top_up(wallet, 50_000, prefer="wait=30", at=n % 2) for n in range(200)))
    outcomes = await asyncio.gather(*(ani.outcome(one.json["id"]) for one in answers if one.status == 202))
    assert {answer.status for answer in answers} <= {201, 202}
    assert {outcome["status"] for outcome in outcomes} <= {"succeeded"}
    assert await ani.balance(wallet) == (10_000_000, 0, 10_000_000)
    statement = await ani.listed(f"/v1/wallets/{wallet}/movements")
    assert [one["balance_after"] for one in statement] == [50_000 * n for n in range(200, 0, -1)]


async def test_of_twenty_transfers_only_two_find_money(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=100_000), await budi.open()
    answers = await asyncio.gather(*(ani.transfer(mine, theirs, 50_000, at=n % 2) for n in range(20)))
    assert Counter(answer.status for answer in answers) == {201: 2, 402: 18}
    assert {answer.code for answer in answers if answer.status == 402} == {"insufficient_funds"}
    assert (await ani.balance(mine), await budi.balance(theirs)) == ((0, 0, 0), (100_000, 0, 100_000))
    assert Counter(one["status"] for one in await ani.listed("/v1/transfers")) == {"completed": 2, "failed": 18}


async def test_crossing_transfers_neither_block_nor_mint(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=100_000), await budi.open(funds=100_000)
    there = [ani.transfer(mine, theirs, 100 + n, at=n % 2) for n in range(50)]
    back = [budi.transfer(theirs, mine, 100 + n, at=n % 2) for n in range(50)]
    answers = await asyncio.gather(*(one for pair in zip(there, back, strict=True) for one in pair))
    assert {answer.status for answer in answers} == {201}
    assert (await ani.balance(mine), await budi.balance(theirs)) == ((100_000, 0, 100_000), (100_000, 0, 100_000))
    assert len(await ani.listed(f"/v1/wallets/{mine}/movements")) == 101


async def test_everybody_pays_one_hot_wallet(meet: Meet) -> None:
    shop, *people = [await meet() for _ in range(6)]
    till = await shop.open()
    wallets = [await person.open(funds=1_000) for person in people]
    payers = list(zip(people, wallets, strict=True)) * 20
    answers = await asyncio.gather(*(one.transfer(wallet, till, 50) for one, wallet in payers))
    assert {answer.status for answer in answers} == {201}
    assert await shop.balance(till) == (5_000, 0, 5_000)
    assert [await one.balance(wallet) for one, wallet in zip(people, wallets, strict=True)] == [(0, 0, 0)] * 5


async def test_a_ring_of_transfers_conserves_money(meet: Meet) -> None:
    people = [await meet() for _ in range(3)]
    wallets = [await person.open(funds=300) for person in people]
    keys = [key() for _ in range(90)]
    sends = [
        people[n % 3].transfer(wallets[n % 3], people[(n + 1) % 3].email, 100, key=keys[n], at=n % 2) for n in range(90)
    ]
    answers = await asyncio.gather(*sends)
    assert {answer.status for answer in answers} <= {201, 402}
    balances = [await person.balance(wallet) for person, wallet in zip(people, wallets, strict=True)]
    assert sum(posted for posted, _, _ in balances) == 900
    assert all(held == 0 and available >= 0 for _, held, available in balances)


async def test_closing_or_freezing_amid_transfers_leaves_no_half_ones(ani: Person, budi: Person) -> None:
    mine, theirs = await ani.open(funds=10_000), await budi.open()
    sends = [ani.transfer(mine, theirs, 10, at=n % 2) for n in range(60)]
    sends.insert(30, budi.post(f"/v1/wallets/{theirs}/freeze"))
    answers = await asyncio.gather(*sends)
    moved = sum(10 for answer in answers if answer.status == 201)
    assert {answer.status for answer in answers} <= {200, 201, 403}
    assert await ani.balance(mine) == (10_000 - moved, 0, 10_000 - moved)
    assert await budi.balance(theirs) == (moved, 0, moved)


async def test_registering_one_address_at_once_makes_one_person(nobody: Person) -> None:
    about = {"email": nobody.email, "password": nobody.password, "first_name": "A", "last_name": "B"}
    answers = await asyncio.gather(*(nobody.post("/v1/auth/register", about, at=n % 2) for n in range(10)))
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 9}
