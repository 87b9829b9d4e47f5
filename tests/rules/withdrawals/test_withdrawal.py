"""What a withdrawal may become, who may be paid, and how much."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.callbacks import WordStatus
from contracts.cards import LimitExceeded
from contracts.envelope import Caller
from contracts.money import MAX_AMOUNT
from contracts.moving import AlreadyResolved, AmountOutOfRange, NotUnresolved
from contracts.withdrawals import (
    Beneficiary,
    Canceled,
    CancelTooLate,
    FailWithdrawal,
    RequestWithdrawal,
    WithdrawalContradicted,
)
from workers.provider.port import Word
from workers.withdrawals import terms
from workers.withdrawals.rules import Withdrawal
from workers.withdrawals.totals import Total

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
FAILED = FailWithdrawal(withdrawal_id="wdr_1", owner="usr_owner", currency="IDR", code="declined", detail="No.")
BENEFICIARY = {"bank": "BCA", "account_number": "1234567890", "name": "Ani"}


def requested(**fields: Any) -> Withdrawal:
    wanted = {"wallet_id": "wal_1", "amount": 50_000, "currency": "IDR", "beneficiary": BENEFICIARY} | fields
    command = RequestWithdrawal.model_validate(wanted)
    return Withdrawal.request(command, by=Caller("usr_owner"), at=NOW, key="wdr_1", provider="bank")


def begun() -> Withdrawal:
    return requested().begin("wal_1", at=NOW).asked("sag_1", counts=True)


def word(status: Any = "succeeded", version: int = 1) -> Word:
    return Word("payout", "wdr_1", "pyt_1", status, 50_000, "IDR", version, "Why not.")


def test_a_request_is_pending_with_its_fee() -> None:
    withdrawal = requested()
    assert (withdrawal.status, withdrawal.fee) == ("pending", terms.CATALOGUE["IDR"].fee)
    assert withdrawal.view().beneficiary.model_dump() == BENEFICIARY


@pytest.mark.parametrize(("amount", "currency"), [(10**12 + 1, "IDR"), (10**13, "IDR"), (50_000, "CHF")])
def test_what_no_bank_takes_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(AmountOutOfRange):
        requested(amount=amount, currency=currency)


def test_the_settings_change_the_terms() -> None:
    assert requested(amount=1).fee == 2_500
    try:
        terms.use(0, {}, {"IDR": {"min_amount": 20_000, "fee": 0}, "CHF": {"max_amount": 50_000}})
        assert requested(amount=20_000).fee == 0
        assert requested(amount=50_000, currency="CHF").fee == 0
        assert requested(amount=1, currency="EUR").fee == terms.CATALOGUE["EUR"].fee
        for amount, currency in ((19_999, "IDR"), (50_001, "CHF")):
            with pytest.raises(AmountOutOfRange):
                requested(amount=amount, currency=currency)
    finally:
        terms.use(0, {})


@pytest.mark.parametrize("change", [{"min_amount": 0}, {"max_amount": 0}, {"max_amount": MAX_AMOUNT}])
def test_terms_that_allow_nothing_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no withdrawals"):
        terms.use(0, {}, {"IDR": change})


@pytest.mark.parametrize(
    "number", ["1", "12 34!", "x" * 41, "DE00370400440532013000", "GB82WEST12345698765433", "-1234-"]
)
def test_an_account_that_cannot_be_is_refused(number: str) -> None:
    with pytest.raises(ValidationError):
        Beneficiary.model_validate(BENEFICIARY | {"account_number": number})


@pytest.mark.parametrize(
    "words",
    [
        "Bank Central Asia (BCA)",
        "Crédit Agricole",
        "三菱ＵＦＪ銀行",
        "بنك الكويت",
        "भारतीय स्टेट बैंक",
        "O'Neil & Co.",
        "B",
    ],
)
def test_banks_and_people_are_named_in_any_script(words: str) -> None:
    beneficiary = Beneficiary.model_validate(BENEFICIARY | {"bank": words, "name": words})
    assert (beneficiary.bank, beneficiary.name) == (words, words)
    Beneficiary.model_validate(BENEFICIARY | {"bank": "é" * 100, "name": "é" * 140})


@pytest.mark.parametrize(
    "words", ["", " ", " BCA", "BCA ", "BCA\u3000", "B\nA", "B\tA", "B\x00A", "B\x85A", "B\u202eA"]
)
@pytest.mark.parametrize("field", ["bank", "name"])
def test_what_is_no_name_is_refused(field: str, words: str) -> None:
    for wrong in (words, "x" * 141):
        with pytest.raises(ValidationError):
            Beneficiary.model_validate(BENEFICIARY | {field: wrong})


@pytest.mark.parametrize("number", ["12-34-567", "DE89 3704 0044 0532 0130 00", "gb82west12345698765432"])
def test_an_account_is_folded(number: str) -> None:
    beneficiary = Beneficiary.model_validate(BENEFICIARY | {"account_number": number})
    assert beneficiary.account_number == number.replace(" ", "").replace("-", "").upper()


def test_it_is_called_back_until_it_has_begun() -> None:
    canceled = requested().cancel(at=LATER)
    assert (canceled.status, canceled.cancel(at=LATER) is canceled) == ("canceled", True)
    with pytest.raises(Canceled):
        canceled.begin("wal_1", at=LATER)
    assert canceled.fail(FAILED, at=LATER) is canceled
    for late in (begun(), begun().waiting(), begun().hear(word()).taken_on().complete(at=LATER)):
        with pytest.raises(CancelTooLate):
            late.cancel(at=LATER)


def test_silence_is_unknown_only_where_the_bank_may_have_heard_us() -> None:
    assert requested().begin("wal_1", at=NOW).asked("sag_1", counts=False).waiting().status == "pending"
    assert begun().waiting().status == "unknown"


def test_the_books_follow_what_is_heard_later_and_only_once() -> None:
    paid = begun().hear(word()).taken_on().complete(at=LATER)
    returned = paid.hear(word("reversed", 2))
    assert returned.correction == "failed"
    assert returned.correcting("failed").correction is None
    done = returned.correcting("failed").corrected("failed", 0, at=LATER)
    assert (done.status, done.failure_code, done.correction) == ("failed", "returned", None)
    assert done.corrected("failed", 0, at=LATER) is done
    paid_after_all = begun().fail(FAILED, at=LATER).hear(word())
    assert paid_after_all.correction == "paid"
    assert paid_after_all.correcting("paid").corrected("paid", 5, at=LATER).receivable == 5


@given(
    said=st.permutations([(version, ("succeeded", "reversed", "declined")[version % 3]) for version in range(2, 9)]),
    told=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_whatever_is_said_while_the_books_are_on_their_way_they_arrive_once(
    said: list[tuple[int, WordStatus]], told: list[bool]
) -> None:
    """What has left the wallet, as the corrections leave it, each in the order in which it began."""
    withdrawal = begun().hear(word()).taken_on().complete(at=LATER)
    left, under_way = withdrawal.amount, list[WithdrawalContradicted]()

    def followed(withdrawal: Withdrawal) -> Withdrawal:
        if (to := withdrawal.correction) is None:
            return withdrawal
        under_way.append(withdrawal.contradicted(to))
        return withdrawal.correcting(to)

    words = iter(said)
    for hears in told:
        if hears and (news := next(words, None)) is not None:
            withdrawal = followed(withdrawal.hear(word(news[1], news[0])))
        elif under_way:
            order = under_way.pop(0)
            left += order.amount if order.to == "paid" else -order.amount
            withdrawal = followed(withdrawal.corrected(order.to, 0, at=LATER))
        assert len(under_way) <= 1
        assert left in (0, withdrawal.amount)
    if not under_way:
        assert left == (withdrawal.amount if withdrawal.heard == "succeeded" else 0)


def test_what_comes_back_is_what_was_ordered_whatever_the_bank_has_paid() -> None:
    paid_less = begun().hear(replace(word(), amount=1)).taken_on().complete(at=LATER)
    returned = paid_less.hear(replace(word("reversed", 2), amount=1))
    assert returned.contradicted("failed").amount == paid_less.amount


def test_a_correction_that_is_told_again_ends_no_later_one() -> None:
    returned = begun().hear(word()).taken_on().complete(at=LATER).hear(word("reversed", 2))
    failed = returned.correcting("failed").corrected("failed", 0, at=LATER)
    after_all = failed.hear(word(version=3)).correcting("paid")
    assert after_all.corrected("failed", 0, at=LATER) is after_all


def test_an_operators_word_counts_until_the_bank_says_more() -> None:
    lost = begun().waiting()
    failed = lost.resolve("failed")
    assert failed.resolve("failed") is failed
    with pytest.raises(AlreadyResolved):
        failed.resolve("paid")
    assert failed.fail(FAILED, at=LATER).hear(word()).correction == "paid"
    for certain in (requested(), begun().hear(word())):
        with pytest.raises(NotUnresolved):
            certain.resolve("paid")


def test_a_day_has_a_limit_and_another_day_another() -> None:
    today = date(2026, 11, 22)
    terms.use(0, {"IDR": 100})
    try:
        total = Total("k", today, 0).plus(60, "IDR", on=today)
        with pytest.raises(LimitExceeded):
            total.plus(41, "IDR", on=today)
        assert total.plus(40, "IDR", on=today).amount == 100
        assert total.plus(100, "IDR", on=today + timedelta(days=1)).amount == 100
        assert total.minus(60, of=today).amount == 0
        assert total.minus(60, of=today - timedelta(days=1)) is total
    finally:
        terms.use(0, {})
