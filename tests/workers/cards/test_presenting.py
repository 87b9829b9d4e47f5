"""Card data that is presented: one answer to whatever is wrong with it, and a card that guessing closes."""

from typing import Any

from contracts.cards import ArchiveCard, FreezeCard
from tests.servers import Database
from tests.workers.cards.conftest import Issuer, Made
from tests.workers.client import Client
from workers.cards import upkeep
from workers.runtime.database import Database as Databases


def wrong(card: Made, number: int = 1) -> str:
    """Another code."""
    digits = len(card.cvv)
    return f"{(int(card.cvv) + number) % 10**digits:0{digits}}"


def other_number(card: Made) -> str:
    """A number that nobody has."""
    return card.pan[:-1] + str((int(card.pan[-1]) + 1) % 10)


async def test_the_same_answer_to_everything_that_is_wrong(issuer: Issuer) -> None:
    card, archived, amex = await issuer.card(), await issuer.card(), await issuer.card(brand="amex")
    await issuer.do(ArchiveCard(card_id=archived.id))
    month = card.view["exp_month"] % 12 + 1
    answers = [
        await issuer.do(data, "mer_1")
        for data in (
            card.presented(cvv=wrong(card)),
            card.presented(pan=other_number(card)),
            card.presented(exp_month=month),
            card.presented(exp_year=2025),
            card.presented(cvv="0" + card.cvv),
            amex.presented(cvv=amex.cvv[1:]),
            archived.presented(),
        )
    ]
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert answers[0].problem is not None
    assert answers[0].problem.code == "declined"
    assert (await issuer.do(card.presented(), "mer_1")).status == "succeeded"


async def test_an_expired_card_is_declined_and_a_frozen_one_found_out_by_spending(issuer: Issuer) -> None:
    card = await issuer.card()
    await issuer.do(FreezeCard(card_id=card.id))
    token = (await issuer.do(card.presented(), "mer_1")).result["token"]  # type: ignore[index]
    assert (await issuer.spend(None, 1, token=token)).problem.code == "card_frozen"  # type: ignore[union-attr]
    await issuer.database.execute("UPDATE cards.cards SET expires_at = now()")
    assert await issuer.code(card.presented(), "mer_1") == "declined"


async def test_guessing_closes_the_card_even_to_the_right_code_and_its_owner_sees_it(issuer: Issuer) -> None:
    card, other = await issuer.card(), await issuer.card()
    for number in range(1, 6):
        assert await issuer.code(card.presented(cvv=wrong(card, number)), f"mer_{number}") == "declined"
    assert await issuer.code(card.presented(), "mer_9") == "declined"
    assert (await issuer.do(other.presented(), "mer_1")).status == "succeeded"
    seen = await issuer.dashboard(card)
    assert seen["wrong_codes"] == 5
    assert seen["blocked_until"] is not None
    assert (await issuer.spend(card, 1)).status == "succeeded"
    await issuer.database.execute("UPDATE cards.tries SET blocked_until = now()")
    assert (await issuer.do(card.presented(), "mer_9")).status == "succeeded"
    assert (await issuer.dashboard(card))["blocked_until"] is None


async def test_what_is_over_is_deleted_and_what_guards_stays(issuer: Issuer, database: Database) -> None:
    card = await issuer.card()
    for caller in ("mer_1", "mer_2"):
        await issuer.do(card.presented(), caller)
        await issuer.do(card.presented(cvv=wrong(card)), caller)
    old = "now() - interval '4 days'"
    await issuer.database.execute(f"UPDATE cards.tries SET since = {old} WHERE id = 'caller mer_1'")
    await issuer.database.execute(
        f"UPDATE cards.tokens SET expires_at = {old} WHERE id = (SELECT min(id) FROM cards.tokens)"
    )
    workers = Databases(database.app_url, name="sweep")
    assert not await upkeep.sweep(workers)
    await workers.close()
    assert await issuer.database.fetchval("SELECT count(*) FROM cards.tokens") == 1
    assert await issuer.database.fetchval("SELECT count(*) FROM cards.tries") == 2


async def test_who_presents_too_much_wrong_data_is_let_wait(
    start_worker: Any, client: Client, worker: Client, rows: Any
) -> None:
    await start_worker("all", caller_tries_max=3)
    issuer = Issuer(client, worker, rows)
    card = await issuer.card()
    for number in range(3):
        assert (
            await issuer.code(card.presented(pan=f"40000000000000{number}0"), "mer_1", address="192.0.2.1")
            == "declined"
        )
    refused = await issuer.do(card.presented(), "mer_1")
    assert refused.problem is not None
    assert refused.problem.code == "too_many_tries"
    assert refused.problem.retry_after_seconds is not None
    assert await issuer.code(card.presented(), "mer_2", address="192.0.2.1") == "too_many_tries"
    assert (await issuer.do(card.presented(), "mer_2", address="192.0.2.2")).status == "succeeded"
