"""What a top-up may become, and which methods take what."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.callbacks import WordStatus
from contracts.envelope import Caller
from contracts.money import CURRENCIES, MAX_AMOUNT
from contracts.moving import AlreadyResolved, AmountOutOfRange, NotUnresolved
from contracts.topups import (
    CorrectTopUp,
    FailTopUp,
    MethodUnknown,
    NotReversible,
    RequestTopUp,
    ReverseTopUp,
    TopUpContradicted,
    TopUpFailed,
    TopUpSucceeded,
)
from workers.provider.port import Word
from workers.topups import methods
from workers.topups.rules import TopUp

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
OWNER = Caller("usr_owner")
FAILED = FailTopUp(topup_id="top_1", code="declined", detail="No.")


def requested(**fields: object) -> TopUp:
    wanted = {"wallet_id": "wal_1", "amount": 50_000, "currency": "IDR", "method": "gopay"} | fields
    return TopUp.request(RequestTopUp.model_validate(wanted), by=OWNER, at=NOW, key="top_1", provider="bank")


def test_a_request_is_pending_and_the_callers() -> None:
    topup = requested(metadata={"order": "7"})
    assert (topup.status, topup.owner, topup.provider_id) == ("pending", "usr_owner", None)
    view = topup.view()
    assert (view.id, view.wallet_id, view.amount, view.method) == ("top_1", "wal_1", 50_000, "gopay")
    assert view.metadata == {"order": "7"}
    event = topup.requested()
    assert (event.topup_id, event.owner, event.wallet_id) == ("top_1", "usr_owner", "wal_1")


def word(status: WordStatus = "succeeded", version: int = 1, amount: int = 50_000, name: str = "chg_1") -> Word:
    return Word("charge", "top_1", name, status, amount, "IDR", version, "Why not.")


def succeeded() -> TopUp:
    return requested().asked("wal_1", "sag_1", counts=True).hear(word()).succeed(0, at=LATER)


def test_a_charge_is_remembered_under_the_providers_name() -> None:
    charged = requested().hear(word())
    assert (charged.provider_id, charged.heard, charged.is_answered, charged.fits) == ("chg_1", "succeeded", True, True)
    assert charged.hear(word()) is charged
    assert charged.hear(word("reversed", 2, name="chg_2")) is charged, "somebody else's charge"
    assert not requested().hear(word(amount=49_900)).fits


@given(st.lists(st.sampled_from([(1, "pending"), (2, "succeeded"), (3, "reversed")]), min_size=1))
def test_in_whatever_order_and_how_often_the_latest_word_counts(said: list[tuple[int, WordStatus]]) -> None:
    topup = requested()
    for version, status in said:
        topup = topup.hear(word(status, version))
    assert (topup.version, topup.heard) == max(said)


def test_silence_is_unknown_and_patience_is_not() -> None:
    assert requested().asked(None, None, counts=False).waiting().status == "pending", "nobody was asked"
    lost = requested().asked(None, None, counts=True).waiting()
    assert lost.status == "unknown"
    assert lost.hear(word("pending")).waiting().status == "pending"


def test_success_comes_once() -> None:
    topup = succeeded()
    assert (topup.status, topup.completed_at) == ("succeeded", LATER)
    assert topup.succeed(7, at=LATER + timedelta(days=1)) is topup
    assert topup.ended() == TopUpSucceeded(topup=topup.view(), owner="usr_owner", provider="bank")


def test_failure_comes_once_and_says_why() -> None:
    failed = requested().fail(FAILED, at=LATER)
    assert failed.status == "failed"
    view = failed.view()
    assert view.failure is not None
    assert (view.failure.code, view.failure.detail) == ("declined", "No.")
    assert failed.fail(FAILED, at=LATER + timedelta(days=1)) is failed
    assert failed.ended() == TopUpFailed(topup=view, owner="usr_owner")


def test_what_has_money_cannot_fail_and_what_failed_cannot_succeed() -> None:
    with pytest.raises(AssertionError):
        succeeded().fail(FAILED, at=LATER)
    with pytest.raises(AssertionError):
        requested().fail(FAILED, at=LATER).succeed(0, at=LATER)


def follow(topup: TopUp, *, receivable: int = 0, parked: bool = False) -> TopUp:
    """The correction that is due is made."""
    to = topup.correction
    assert to is not None
    on_its_way = topup.correcting(to)
    assert on_its_way.correction is None, "one after the other"
    amount = topup.contradicted(to).amount
    done = CorrectTopUp(topup_id="top_1", to=to, receivable=receivable, amount=amount, parked=parked)
    corrected = on_its_way.corrected(done, at=LATER)
    assert corrected.corrected(done, at=LATER) is corrected
    return corrected


def test_the_books_follow_what_is_heard_later_and_only_once() -> None:
    reversed_ = follow(succeeded().hear(word("reversed", 2)), receivable=7)
    assert (reversed_.status, reversed_.receivable, reversed_.correction) == ("reversed", 7, None)
    after_all = follow(requested().fail(FAILED, at=LATER).hear(word()))
    assert (after_all.status, after_all.view().failure, after_all.correction) == ("succeeded", None, None)
    assert requested().hear(word("reversed")).correction is None, "its saga will find it"


@given(
    said=st.permutations([(version, ("succeeded", "reversed", "declined")[version % 3]) for version in range(2, 9)]),
    told=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_whatever_is_said_while_the_books_are_on_their_way_they_arrive_once(
    said: list[tuple[int, WordStatus]], told: list[bool]
) -> None:
    """The wallet as the corrections leave it, each in the order in which it began."""
    topup, wallet, under_way = succeeded(), 50_000, list[TopUpContradicted]()

    def followed(topup: TopUp) -> TopUp:
        if (to := topup.correction) is None:
            return topup
        under_way.append(topup.contradicted(to))
        return topup.correcting(to)

    words = iter(said)
    for hears in told:
        if hears and (news := next(words, None)) is not None:
            topup = followed(topup.hear(word(news[1], news[0])))
        elif under_way:
            order = under_way.pop(0)
            wallet += order.amount if order.to == "succeeded" else -order.amount
            done = CorrectTopUp(topup_id="top_1", to=order.to, amount=order.amount)
            topup = followed(topup.corrected(done, at=LATER))
        assert len(under_way) <= 1
        assert wallet in (0, 50_000)
    if not under_way:
        assert (wallet, topup.in_books) == ((50_000, 50_000) if topup.heard == "succeeded" else (0, 0))


def test_a_correction_that_is_told_again_ends_no_later_one() -> None:
    after_all = follow(succeeded().hear(word("reversed", 2))).hear(word(version=3)).correcting("succeeded")
    told_again = CorrectTopUp(topup_id="top_1", to="reversed", amount=50_000)
    assert after_all.corrected(told_again, at=LATER) is after_all


def test_what_was_booked_is_taken_back_whatever_is_said_of_the_amount() -> None:
    less = succeeded().hear(word(version=2, amount=4_000))
    assert less.correction is None, "another amount is for the reconciliation"
    assert less.hear(word("reversed", 3, amount=4_000)).contradicted("reversed").amount == 50_000


def test_an_older_versions_success_is_in_the_books() -> None:
    old = succeeded()._replace(booked=0)
    assert old.correction is None
    assert old.hear(word("reversed", 2)).contradicted("reversed").amount == 50_000


def test_what_no_wallet_could_take_is_parked_and_only_the_provider_gets_it_back() -> None:
    closed = FailTopUp(topup_id="top_1", code="wallet_closed", detail="Closed.", parked=50_000)
    parked = requested().asked("wal_1", "sag_1", counts=True).hear(word()).fail(closed, at=LATER)
    assert (parked.status, parked.in_books, parked.correction) == ("failed", 50_000, None)
    assert parked.hear(word(version=2)).correction is None, "it is there already"
    assert parked._replace(heard="declined").correction is None, "an operator's word is about the wallet"
    taken = parked.hear(word("reversed", 2))
    assert taken.correction == "reversed"
    assert taken.contradicted("reversed").parked
    assert (follow(taken).status, follow(taken).in_books) == ("reversed", 0)
    late = follow(requested().fail(FAILED, at=LATER).hear(word()), parked=True)
    assert (late.status, late.failure_code, late.in_books, late.correction) == ("failed", "declined", 50_000, None)


def test_an_operators_word_counts_until_the_provider_says_more() -> None:
    lost = requested().asked("wal_1", "sag_1", counts=True).waiting()
    for outcome, heard in (("succeeded", "succeeded"), ("failed", "declined")):
        resolved = lost.resolve(outcome)  # type: ignore[arg-type]
        assert (resolved.heard, resolved.is_answered) == (heard, True)
        assert resolved.audited() != lost.audited()
        assert resolved.resolve(outcome) is resolved  # type: ignore[arg-type]
    with pytest.raises(AlreadyResolved):
        lost.resolve("failed").resolve("succeeded")
    assert lost.resolve("failed").fail(FAILED, at=LATER).hear(word()).correction == "succeeded"


@pytest.mark.parametrize("topup", [requested(), requested().asked(None, None, counts=True).hear(word())])
def test_what_is_not_in_doubt_is_nobodys_to_resolve(topup: TopUp) -> None:
    with pytest.raises(NotUnresolved):
        topup.resolve("failed")


def test_only_what_has_succeeded_is_reversed_and_once() -> None:
    command = ReverseTopUp(topup_id="top_1", reason="The bank called.")
    taken_back = succeeded().reverse(command)
    assert taken_back.correction == "reversed"
    for topup in (requested(), taken_back.correcting("reversed"), requested().fail(FAILED, at=LATER)):
        with pytest.raises(NotReversible):
            topup.reverse(command)


@pytest.mark.parametrize(("method", "currency"), [("nope", "IDR"), ("gopay", "USD"), ("us_ach_debit", "IDR")])
def test_a_method_belongs_to_one_currency(method: str, currency: str) -> None:
    with pytest.raises(MethodUnknown):
        requested(method=method, currency=currency)


def test_bounds_are_inclusive() -> None:
    konbini = methods.check("jp_konbini", "JPY", 120)
    assert methods.check("jp_konbini", "JPY", konbini.max_amount) is konbini
    for amount in (konbini.min_amount - 1, konbini.max_amount + 1):
        with pytest.raises(AmountOutOfRange, match="Konbini takes 120 to 300000 minor units"):
            methods.check("jp_konbini", "JPY", amount)


def test_the_catalogue_makes_sense() -> None:
    assert len({method.id for method in methods.CATALOGUE}) == len(methods.CATALOGUE)
    for method in methods.CATALOGUE:
        assert method.currency in CURRENCIES
        assert 1 <= method.min_amount < method.max_amount <= MAX_AMOUNT
        assert method.fee >= 0
