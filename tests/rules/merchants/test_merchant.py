"""What a merchant may become, and what it is told of terms."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.archive import NotArchived
from contracts.envelope import Caller
from contracts.identity import PermissionDenied
from contracts.ledger import CurrencyMismatch
from contracts.merchants import (
    CreateMerchant,
    FeeTerms,
    MerchantArchived,
    MerchantNotActive,
    MerchantPending,
    UpdateMerchant,
)
from contracts.message import Refusal
from workers.merchants.rules import Merchant

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNER, OPERATOR = Caller("usr_owner"), Caller("usr_operator", oversees=True)


def created(**fields: object) -> Merchant:
    command = CreateMerchant.model_validate({"name": "Kopi", "currency": "IDR"} | fields)
    return Merchant.create(command, FeeTerms(fixed=5, basis_points=250), owner="usr_owner", at=NOW, key="mer_1")


def opened() -> Merchant:
    return created().settling("IDR", "wal_1")


def test_a_new_one_is_pending_on_the_usual_terms_and_without_a_wallet() -> None:
    view = created(webhook_url="https://kopi.example/hooks").view()
    assert (view.status, view.settlement_wallet_id, view.settlement_wallets) == ("pending", None, {})
    assert (view.fee.fixed, view.fee.basis_points) == (5, 250)
    assert view.webhook_url == "https://kopi.example/hooks"


def test_it_is_approved_suspended_and_approved_again() -> None:
    active = opened().approved()
    assert (active.status, active.approved()) == ("active", active)
    suspended = active.suspended()
    assert (suspended.status, suspended.suspended()) == ("suspended", suspended)
    assert suspended.approved() == active


def test_nobody_is_approved_without_a_wallet_or_suspended_before_approval() -> None:
    with pytest.raises(MerchantPending):
        created().approved()
    with pytest.raises(MerchantPending):
        opened().suspended()


def test_an_archived_one_only_changes_by_being_restored() -> None:
    archived = opened().approved().put_away(NOW)
    assert archived.put_away(datetime.now(UTC)) is archived
    for change in (archived.approved, archived.suspended, archived.must_take_keys):
        with pytest.raises(MerchantArchived):
            change()
    with pytest.raises(MerchantArchived):
        archived.updated(UpdateMerchant(merchant_id="mer_1", name="Teh"), OPERATOR)
    assert archived.restored() == opened().approved()


def test_only_what_is_archived_is_purged() -> None:
    with pytest.raises(NotArchived):
        opened().must_be_purgeable()
    opened().put_away(NOW).must_be_purgeable()


def test_what_is_not_said_stays() -> None:
    merchant = created(webhook_url="https://kopi.example/hooks")
    said = UpdateMerchant.model_validate({"merchant_id": "mer_1", "name": "Teh"})
    assert merchant.updated(said, OWNER) == merchant._replace(name="Teh")
    cleared = UpdateMerchant.model_validate({"merchant_id": "mer_1", "webhook_url": None})
    assert merchant.updated(cleared, OWNER) == merchant._replace(webhook_url=None)
    # On the wire, too, what was not said is not there.
    assert UpdateMerchant.model_validate_json(said.model_dump_json()).model_fields_set == {"merchant_id", "name"}


def test_fees_are_an_operators() -> None:
    command = UpdateMerchant(merchant_id="mer_1", fee=FeeTerms(fixed=0, basis_points=100))
    with pytest.raises(PermissionDenied):
        opened().updated(command, OWNER)
    changed = opened().updated(command, OPERATOR)
    assert (changed.fee_fixed, changed.fee_basis_points) == (0, 100)


def test_terms_say_where_the_money_goes() -> None:
    merchant = opened().approved().settling("EUR", "wal_2")
    terms = merchant.terms(None)
    assert (terms.currency, terms.settlement_wallet_id, terms.owner) == ("IDR", "wal_1", "usr_owner")
    assert (terms.fee_fixed, terms.fee_basis_points) == (5, 250)
    assert merchant.terms("EUR").settlement_wallet_id == "wal_2"
    with pytest.raises(CurrencyMismatch):
        merchant.terms("USD")


@pytest.mark.parametrize("merchant", [opened(), opened().approved().suspended(), opened().approved().put_away(NOW)])
def test_only_an_active_one_has_terms(merchant: Merchant) -> None:
    assert not merchant.active
    with pytest.raises(MerchantNotActive):
        merchant.terms("IDR")


@given(st.lists(st.sampled_from(["approved", "suspended", "put_away", "restored", "updated"]), max_size=20))
def test_however_it_changes_it_keeps_its_wallet_and_never_goes_back_to_pending(changes: list[str]) -> None:
    merchant, approved = opened(), False
    for change in changes:
        arguments = {"put_away": (NOW,), "updated": (UpdateMerchant(merchant_id="mer_1", name="Teh"), OWNER)}
        try:
            merchant = getattr(merchant, change)(*arguments.get(change, ()))
        except Refusal:
            continue
        approved = approved or change == "approved"
        assert (merchant.status == "pending") is not approved
        assert merchant.wallets == {"IDR": "wal_1"}
        assert merchant.active == (merchant.status == "active" and not merchant.archived)


def test_its_trail_names_nobody() -> None:
    trail = created(name="Siti Rahma", webhook_url="https://kopi.example/hooks?token=x").trail()
    assert (trail["name"], trail["webhook"]) == ("S…", ["kopi.example"])


def test_a_merchant_takes_nothing_while_its_owner_is_archived_and_then_what_an_operator_lets_it() -> None:
    held = opened().approved().owned(by_archived=True)
    assert (held.active, held.status) == (False, "active")
    with pytest.raises(MerchantNotActive):
        held.terms("IDR")
    assert held.owned(by_archived=False) == opened().approved()
    assert not held.suspended().owned(by_archived=False).active
