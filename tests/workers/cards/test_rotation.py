"""Card numbers change their key while cards are used, and a run that was stopped goes on."""

import base64
from typing import Any

import pytest

from contracts.cards import FreezeCard
from tests.servers import Database
from tests.workers.cards.conftest import Issuer
from workers.cards import rotation
from workers.runtime.sealing import SealBroken, Sealer
from workers.runtime.settings import SealingKey


def _key(name: str, byte: bytes) -> SealingKey:
    return SealingKey.model_validate({"id": name, "key": base64.urlsafe_b64encode(byte * 32).decode()})


OLD, NEW = _key("test", b"k"), _key("new", b"n")


async def _sealed(rows: Any) -> dict[str, str]:
    return {row["id"]: row["pan_sealed"] for row in await rows.fetch("SELECT id, pan_sealed FROM cards.cards")}


async def test_a_stopped_rotation_goes_on_and_every_number_stays(
    issuer: Issuer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    cards = [await issuer.card() for _ in range(5)]
    async for progress in rotation.rotate(database.app_url, [NEW, OLD]):
        if progress.done:
            break
    begun = await _sealed(issuer.database)
    assert sum(sealed.startswith("new.") for sealed in begun.values()) == 2
    await issuer.do(FreezeCard(card_id=cards[0].id))
    seen = [tuple(progress) async for progress in rotation.rotate(database.app_url, [NEW, OLD])]
    assert seen == [(0, 3), (2, 3), (3, 3)]
    sealer = Sealer([NEW])
    kept = await _sealed(issuer.database)
    assert {card.id: sealer.open(kept[card.id], to=card.id).decode() for card in cards} == {
        card.id: card.pan for card in cards
    }
    assert (await issuer.do(cards[1].presented(), "mer_1")).status == "succeeded"


async def test_a_key_that_is_missing_is_said_and_changes_nothing(issuer: Issuer, database: Database) -> None:
    await issuer.card()
    before = await _sealed(issuer.database)
    with pytest.raises(SealBroken):
        _ = [one async for one in rotation.rotate(database.app_url, [NEW])]
    assert await _sealed(issuer.database) == before
