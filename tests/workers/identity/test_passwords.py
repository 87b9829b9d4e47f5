"""Hashing and checking passwords."""

import time

import pytest

from workers.identity import passwords
from workers.identity.passwords import Cost, Verdict

CHEAP = Cost(1, 8192, 1)
DEARER = Cost(2, 8192, 1)


async def test_a_hash_knows_its_password_and_no_other() -> None:
    known = await passwords.hashed("correct horse", CHEAP)
    assert await passwords.verify("correct horse", known, CHEAP) == Verdict(right=True)
    assert await passwords.verify("correct horsf", known, CHEAP) == Verdict(right=False)
    assert known != await passwords.hashed("correct horse", CHEAP), "each hash has a salt of its own"


async def test_nobody_has_no_password() -> None:
    assert await passwords.verify("", None, CHEAP) == Verdict(right=False)


@pytest.mark.parametrize("broken", ["", "plain", "$argon2id$v=19$m=8192,t=1,p=1$!!$!!", "$2b$12$bcrypt"])
async def test_a_broken_hash_lets_nobody_in(broken: str) -> None:
    assert await passwords.verify("correct horse", broken, CHEAP) == Verdict(right=False)


async def test_other_parameters_ask_for_another_hash() -> None:
    known = await passwords.hashed("correct horse", CHEAP)
    verdict = await passwords.verify("correct horse", known, DEARER)
    assert verdict.right
    assert verdict.rehashed is not None
    assert await passwords.verify("correct horse", verdict.rehashed, DEARER) == Verdict(right=True)
    assert (await passwords.verify("wrong horse", known, DEARER)).rehashed is None


async def test_checking_nobody_costs_what_checking_somebody_costs() -> None:
    cost = Cost(2, 32_768, 1)
    known = await passwords.hashed("correct horse", cost)
    times = {}
    for name, against in (("somebody", known), ("nobody", None)):
        taken = []
        for _ in range(7):
            started = time.thread_time(), time.process_time()
            await passwords.verify("wrong horse", against, cost)
            taken.append(time.process_time() - started[1])
        times[name] = min(taken)
    assert 0.7 < times["somebody"] / times["nobody"] < 1.4, times
