"""What a top-up may become, and which methods take what."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.envelope import Caller
from contracts.money import CURRENCIES, MAX_AMOUNT
from contracts.topups import AmountOutOfRange, FailTopUp, MethodUnknown, RequestTopUp
from workers.topups import methods
from workers.topups.rules import TopUp

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
OWNER = Caller("usr_owner")
FAILED = FailTopUp(topup_id="top_1", code="declined", detail="No.")


def requested(**fields: object) -> TopUp:
    wanted = {"wallet_id": "wal_1", "amount": 50_000, "currency": "IDR", "method": "gopay"} | fields
    return TopUp.request(RequestTopUp.model_validate(wanted), by=OWNER, at=NOW, key="top_1")


def test_a_request_is_pending_and_the_callers() -> None:
    topup = requested(metadata={"order": "7"})
    assert (topup.status, topup.owner, topup.provider_id) == ("pending", "usr_owner", None)
    view = topup.view()
    assert (view.id, view.wallet_id, view.amount, view.method) == ("top_1", "wal_1", 50_000, "gopay")
    assert view.metadata == {"order": "7"}
    event = topup.requested()
    assert (event.topup_id, event.owner, event.wallet_id) == ("top_1", "usr_owner", "wal_1")


def test_a_charge_is_remembered_under_the_providers_name() -> None:
    charged = requested().charge("chg_1")
    assert charged.provider_id == "chg_1"
    assert charged.charge("chg_1") == charged
    with pytest.raises(AssertionError):
        charged.charge("chg_2")


def test_success_comes_once() -> None:
    succeeded = requested().charge("chg_1").succeed(at=LATER)
    assert (succeeded.status, succeeded.completed_at) == ("succeeded", LATER)
    assert succeeded.succeed(at=LATER + timedelta(days=1)) is succeeded
    assert succeeded.succeeded().owner == "usr_owner"


def test_failure_comes_once_and_says_why() -> None:
    failed = requested().fail(FAILED, at=LATER)
    assert failed.status == "failed"
    view = failed.view()
    assert view.failure is not None
    assert (view.failure.code, view.failure.detail) == ("declined", "No.")
    assert failed.fail(FAILED, at=LATER + timedelta(days=1)) is failed
    assert failed.failed().topup == view


def test_what_was_charged_cannot_fail_and_what_failed_cannot_succeed() -> None:
    with pytest.raises(AssertionError):
        requested().charge("chg_1").fail(FAILED, at=LATER)
    with pytest.raises(AssertionError):
        requested().fail(FAILED, at=LATER).succeed(at=LATER)
    with pytest.raises(AssertionError):
        requested().fail(FAILED, at=LATER).charge("chg_1")


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
