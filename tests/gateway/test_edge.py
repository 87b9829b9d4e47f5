"""The route table: what it finds, and what it refuses to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ledger import GetWallet, ListMovements, OpenWallet, PlaceHold
from contracts.transfers import RequestTransfer
from gateway import edge, idempotency, preferences
from gateway.edge import Routes, Table
from gateway.idempotency import OperationIds
from gateway.problems import Trouble
from gateway.routes import ROUTES


def table() -> Table:
    return Table(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_is_found(route: edge.Route) -> None:
    values = {name: f"x{number}" for number, name in enumerate(route.parameters)}
    found, path = table().find(route.method, route.path.format(**values))
    assert (found, path) == (route, values)


@given(st.text(max_size=40))
def test_any_path_is_found_or_not(path: str) -> None:
    found: Trouble | None = None
    try:
        table().find("GET", path)
    except Trouble as trouble:
        found = trouble
    assert found is None or found.status in (404, 405)


def test_commands_know_their_queue() -> None:
    routes = {route.name: route for route in ROUTES}
    assert routes["POST /v1/transfers"].queue == "transfers.commands"
    assert routes["POST /v1/auth/login"].queue == "identity.calls"
    assert routes["GET /v1/wallets"].queue == "ledger.queries"


def test_tables_that_can_not_be() -> None:
    routes = Routes("X")
    with pytest.raises(AssertionError, match="for workers only"):
        routes.says("POST /v1/holds", PlaceHold)
    with pytest.raises(AssertionError, match="names what GetWallet has not"):
        routes.asks("GET /v1/wallets/{id}", GetWallet)
    with pytest.raises(AssertionError, match="money moves by commands only"):
        routes.says("POST /v1/wallets", GetWallet, money=True)
    routes.says("POST /v1/wallets", OpenWallet)
    routes.says("POST /v1/wallets", OpenWallet)
    with pytest.raises(AssertionError, match="is there twice"):
        Table(routes)


def test_what_the_table_works_out() -> None:
    routes = {route.name: route for route in ROUTES}
    assert routes["POST /v1/transfers"].maps == ("metadata",)
    assert routes["GET /v1/wallets/{wallet_id}/movements"].message is ListMovements
    assert routes["PATCH /v1/wallets/{wallet_id}"].body_fields == ("label",)


@given(st.text(max_size=300))
def test_any_key_is_one_or_refused(text: str) -> None:
    try:
        key = idempotency.key_of(text)
    except Trouble:
        return
    assert key is not None
    assert 1 <= len(key) <= 255
    assert key.isascii()
    assert key.isprintable()


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_every_printable_key_can_be_quoted(key: str) -> None:
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert idempotency.key_of(quoted) == key


@given(st.binary(max_size=100))
def test_any_preference_is_read(header: bytes) -> None:
    found = preferences.parse(header)
    assert found.wait_seconds is None or found.wait_seconds >= 0


def test_a_wait_of_any_length_is_a_number() -> None:
    for header, seconds in ((b"wait=5", 5), (b"wait=" + b"9" * 5000, 999_999_999), (b"wait=" + b"0" * 500 + b"7", 7)):
        assert preferences.parse(header).wait_seconds == seconds
    for header in (b"wait=", b"wait=-1", b"wait=1.5", b"wait=x"):
        assert preferences.parse(header).wait_seconds is None


def test_long_preferences_are_read_but_not_remembered() -> None:
    remembered = preferences._remembered.cache_info().currsize
    assert preferences.parse(b"wait=7," + b" " * 3000).wait_seconds == 7
    assert preferences._remembered.cache_info().currsize == remembered


@given(st.text(), st.text(), st.text())
def test_operation_ids_prove_their_principal(principal: str, key: str, other: str) -> None:
    ids = OperationIds(bytes(32))
    operation = ids.derive(principal, key)
    assert operation == ids.derive(principal, key)
    assert ids.given_to(operation, principal)
    assert ids.given_to(operation, other) == (other == principal)
    assert not OperationIds(bytes(31) + b"1").given_to(operation, principal)


def test_fingerprints() -> None:
    ids = OperationIds(bytes(32))

    def fingerprint(**changes: object) -> str:
        given = {"source": {"wallet_id": "a"}, "destination": {"wallet_id": "b"}, "amount": 1, "currency": "EUR"}
        return ids.fingerprint(RequestTransfer.model_validate(given | changes), ("metadata",))

    assert fingerprint() == fingerprint(note=None, metadata={})
    assert fingerprint(metadata={"a": "1", "b": "2"}) == fingerprint(metadata={"b": "2", "a": "1"})
    assert len({fingerprint(), fingerprint(amount=2), fingerprint(note=""), fingerprint(metadata={"a": "1"})}) == 4
