"""What a transfer may become, and what each side sees of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.envelope import Caller
from contracts.ledger import SelfTransfer
from contracts.transfers import CompleteTransfer, Destination, FailTransfer, RequestTransfer, Source
from workers.transfers.rules import Transfer

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
SENDER = Caller("usr_sender")
RECEIVER = Caller("usr_receiver")
STRANGER = Caller("usr_stranger")
OPERATOR = Caller("usr_operator", oversees=True)


def asked(destination: Destination, **fields: object) -> RequestTransfer:
    wanted = {"source": Source(wallet_id="wal_a"), "destination": destination, "amount": 5, "currency": "IDR"}
    return RequestTransfer.model_validate(wanted | fields)


def requested(destination: Destination) -> Transfer:
    return Transfer.request(asked(destination), by=SENDER, at=NOW, key="trf_1")


TO_WALLET = requested(Destination(wallet_id="wal_b"))
TO_EMAIL = requested(Destination(email="budi@example.com"))
DONE = CompleteTransfer(transfer_id="trf_1", destination="wal_b", recipient="usr_receiver")
FAILED = FailTransfer(transfer_id="trf_1", code="insufficient_funds", detail="Too little.")


def test_a_request_is_pending_and_the_callers() -> None:
    assert TO_WALLET.status == "pending"
    assert TO_WALLET.sender == SENDER.principal
    assert TO_WALLET.recipient is None
    view = TO_WALLET.view()
    assert (view.id, view.amount, view.currency, view.failure) == ("trf_1", 5, "IDR", None)
    assert (view.created_at, view.completed_at) == (NOW, None)


def test_a_wallet_cannot_send_to_itself() -> None:
    with pytest.raises(SelfTransfer):
        requested(Destination(wallet_id="wal_a"))


def test_the_saga_starts_with_what_was_asked() -> None:
    event = TO_EMAIL.requested()
    assert (event.transfer_id, event.sender, event.source) == ("trf_1", "usr_sender", "wal_a")
    assert (event.destination, event.email) == (None, "budi@example.com")
    assert (event.amount, event.currency) == (5, "IDR")


def test_completing_names_the_wallet_and_its_owner() -> None:
    completed = TO_EMAIL.complete(DONE, at=LATER)
    assert completed.status == "completed"
    assert (completed.destination, completed.recipient) == ("wal_b", "usr_receiver")
    assert completed.completed_at == LATER
    event = completed.completed(completed.view())
    assert (event.sender, event.recipient) == ("usr_sender", "usr_receiver")


def test_failing_says_why() -> None:
    failed = TO_WALLET.fail(FAILED, at=LATER)
    view = failed.view()
    assert view.status == "failed"
    assert view.failure is not None
    assert (view.failure.code, view.failure.detail) == ("insufficient_funds", "Too little.")
    assert view.completed_at == LATER
    assert failed.failed(view).sender == "usr_sender"


def test_the_last_word_again_changes_nothing() -> None:
    completed, failed = TO_WALLET.complete(DONE, at=LATER), TO_WALLET.fail(FAILED, at=LATER)
    assert completed.complete(DONE, at=LATER + timedelta(days=1)) is completed
    assert failed.fail(FAILED, at=LATER + timedelta(days=1)) is failed


def test_the_two_last_words_exclude_each_other() -> None:
    with pytest.raises(AssertionError):
        TO_WALLET.complete(DONE, at=LATER).fail(FAILED, at=LATER)
    with pytest.raises(AssertionError):
        TO_WALLET.fail(FAILED, at=LATER).complete(DONE, at=LATER)


def test_it_exists_for_its_two_sides_and_for_operators() -> None:
    completed = TO_EMAIL.complete(DONE, at=LATER)
    assert [completed.visible_to(who) for who in (SENDER, RECEIVER, OPERATOR)] == [True, True, True]
    assert not completed.visible_to(STRANGER)
    assert not TO_EMAIL.visible_to(RECEIVER)


def test_sent_to_a_wallet_everybody_sees_the_wallet() -> None:
    completed = TO_WALLET.complete(DONE, at=LATER)
    for viewer in (None, SENDER, RECEIVER, OPERATOR):
        assert completed.view(to=viewer).destination == Destination(wallet_id="wal_b")


def test_sent_to_an_address_only_the_receiver_and_operators_see_the_wallet() -> None:
    completed = TO_EMAIL.complete(DONE, at=LATER)
    for viewer in (None, SENDER, Caller("usr_sender", oversees=True)):
        assert completed.view(to=viewer).destination == Destination(email="budi@example.com")
    for viewer in (RECEIVER, OPERATOR):
        assert completed.view(to=viewer).destination == Destination(wallet_id="wal_b")


@given(viewer=st.sampled_from([None, SENDER]), end=st.sampled_from(["pending", "completed", "failed"]))
def test_no_sender_ever_reads_the_wallet_behind_an_address(viewer: Caller | None, end: str) -> None:
    steps = {
        "pending": TO_EMAIL,
        "completed": TO_EMAIL.complete(DONE, at=LATER),
        "failed": TO_EMAIL.fail(FAILED, at=LATER),
    }
    assert "wal_b" not in steps[end].view(to=viewer).model_dump_json()


BY_CARD = Transfer.request(
    asked(Destination(card_id="crd_b"), source=Source(card_id="crd_a")), by=SENDER, at=NOW, key="trf_1"
)
DONE_BY_CARD = DONE.model_copy(update={"source": "wal_a"})


def test_each_side_of_cards_sees_what_it_may() -> None:
    completed = BY_CARD.complete(DONE_BY_CARD, at=LATER)
    for viewer in (None, SENDER, Caller("usr_sender", oversees=True)):
        seen = completed.view(to=viewer)
        assert (seen.source, seen.destination) == (Source(card_id="crd_a"), Destination(card_id="crd_b"))
    for viewer in (RECEIVER, OPERATOR):
        seen = completed.view(to=viewer)
        assert (seen.source, seen.destination) == (Source(wallet_id="wal_a"), Destination(wallet_id="wal_b"))


def test_a_transfer_by_card_that_failed_stays_with_the_cards() -> None:
    for viewer in (None, SENDER, OPERATOR):
        seen = BY_CARD.fail(FAILED, at=LATER).view(to=viewer)
        assert (seen.source, seen.destination) == (Source(card_id="crd_a"), Destination(card_id="crd_b"))


@given(viewer=st.sampled_from([None, SENDER]))
def test_no_sender_ever_reads_the_wallet_behind_a_card(viewer: Caller | None) -> None:
    assert "wal_b" not in BY_CARD.complete(DONE_BY_CARD, at=LATER).view(to=viewer).model_dump_json()


def test_a_card_cannot_send_to_itself() -> None:
    with pytest.raises(SelfTransfer):
        Transfer.request(
            asked(Destination(card_id="crd_a"), source=Source(card_id="crd_a")), by=SENDER, at=NOW, key="trf_1"
        )


@pytest.mark.parametrize("source", [{}, {"wallet_id": "wal_a", "card_id": "crd_a"}])
def test_a_source_is_exactly_one_thing(source: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        Source.model_validate(source)


@pytest.mark.parametrize(
    "destination", [{}, {"wallet_id": "wal_b", "card_id": "crd_b"}, {"wallet_id": "wal_b", "email": "budi@example.com"}]
)
def test_a_destination_is_exactly_one_thing(destination: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        Destination.model_validate(destination)


@pytest.mark.parametrize("amount", [0, -1, 1.0, "5", True, 10**15 + 1])
def test_an_amount_is_a_positive_integer(amount: object) -> None:
    with pytest.raises(ValidationError):
        asked(Destination(wallet_id="wal_b"), amount=amount)
