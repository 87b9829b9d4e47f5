"""Statements as CSV, the key set, and the generated documents."""

import csv
import io
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from pydantic import ValidationError

from contracts import topology
from contracts.envelope import Envelope
from contracts.operations import ReplayDeadLetters, RetrySaga
from contracts.payments import CheckoutCard
from contracts.transfers import Destination, Source
from gateway import asyncapi, cors, openapi, openapi_parts, schemas
from gateway.routes import ROUTES
from gateway.statement import wants_csv
from tests.gateway.clients import Client
from tests.gateway.tokens import Issuer
from tests.gateway.worker import Worker

MOVEMENT = {
    "id": "mov_1", "kind": "transfer", "amount": -500, "currency": "EUR", "balance_after": 0,
    "counterparty": "=cmd()", "operation_id": "op_1", "created_at": "2026-11-22T14:00:00Z",
}  # fmt: skip


async def test_movements_as_csv(client: Client, worker: Worker) -> None:
    worker.on("ledger.ListMovements", {"data": [MOVEMENT], "has_more": True, "next": "c2"})
    path = "/v1/wallets/wal_1/movements?limit=1&after=c1"
    answer = await client.get(path, headers={"Accept": "text/csv"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8; header=present")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    # What a spreadsheet would run is quoted; a negative amount is a number.
    assert rows == [{name: str(value) for name, value in MOVEMENT.items()} | {"counterparty": "'=cmd()"}]
    assert answer.headers["Link"] == '</v1/wallets/wal_1/movements?limit=1&after=c2>; rel="next"'
    assert answer.headers["Vary"] == "Accept"
    answer = await client.get(path)
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == ("application/json", "Accept")
    assert answer.json["data"] == [MOVEMENT]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        (b"*/*", False),
        (b"text/*", False),
        (b"application/json", False),
        (b"text/csv", True),
        (b"TEXT/CSV; header=present", True),
        (b"text/csv, */*;q=0.1", True),
        (b"text/csv;q=0.5, application/json", False),
        (b"text/csv;q=0", False),
        (b"text/csv;q=x", False),
        (b"text/html, " * 100 + b"text/csv", True),
    ],
)
def test_who_wants_csv(accept: bytes | None, *, expected: bool) -> None:
    assert wants_csv(accept) is expected


async def test_the_key_set(client: Client, issuer: Issuer) -> None:
    answer = await client.get("/.well-known/jwks.json", anonymous=True)
    assert (answer.status, answer.json) == (200, {"keys": [issuer.jwk]})
    assert answer.headers["Cache-Control"] == "public, max-age=300"


async def test_documents_are_served(client: Client) -> None:
    for path, version in (("/openapi.json", "3.1.0"), ("/asyncapi.json", "3.0.0")):
        answer = await client.get(path, anonymous=True)
        assert answer.status == 200
        assert version in (answer.json.get("openapi"), answer.json.get("asyncapi"))
    page = await client.get("/docs", anonymous=True)
    assert (page.status, b"/static/" in page.body) == (200, True)
    assert (await client.get("/static/nothing", anonymous=True)).code == "not_found"


def test_openapi_is_valid_and_whole() -> None:
    document = openapi.document()
    validate(document)
    found = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert found == {(route.method, route.path) for route in ROUTES}
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert str(route.status) in operation["responses"]
        assert ("202" in operation["responses"]) == (route.kind == "command")
        assert bool(operation["security"]) == bool(route.scope)
        names = [parameter.get("$ref", "") for parameter in operation["parameters"]]
        assert any("IdempotencyKeyRequired" in name for name in names) == route.money


def test_openapi_describes_the_problems_of_sagas_as_they_are_shown() -> None:
    schemas = openapi.document()["components"]["schemas"]
    assert schemas["SagaView"]["properties"]["problem"]["anyOf"][0] == {"$ref": "#/components/schemas/SagaProblemView"}
    assert schemas["SagaProblemView"]["properties"].keys() == {"code", "title", "detail"}
    assert "instance" in schemas["Problem"]["required"]


def test_openapi_describes_nothing_under_a_name_that_is_taken() -> None:
    with pytest.raises(AssertionError, match="Problem"):
        openapi._together({"Problem": {}}, {"Problem": {}})


def test_openapi_says_what_to_authenticate_with() -> None:
    paths = openapi.document()["paths"]
    key: dict[str, list[str]] = {"apiKey": []}
    token: dict[str, list[str]] = {"accessToken": []}
    assert paths["/v1/payments"]["post"]["security"] == [key]
    assert paths["/v1/payments/{payment_id}/capture"]["post"]["security"] == [token, key]
    assert paths["/v1/operations/{operation_id}"]["get"]["security"] == [token, key]
    assert paths["/v1/transfers"]["post"]["security"] == [token]
    assert paths["/v1/auth/login"]["post"]["security"] == []


def test_openapi_asks_for_a_body_where_something_must_be_said() -> None:
    paths = openapi.document()["paths"]
    for path, method, required in (
        ("/v1/transfers", "post", True),
        ("/v1/auth/logout", "post", False),
        ("/v1/users/{user_id}/archive", "post", False),
    ):
        assert paths[path][method]["requestBody"]["required"] is required, path


def test_openapi_tells_where_new_things_are() -> None:
    responses = openapi.document()["paths"]["/v1/transfers"]["post"]["responses"]
    assert {"Location", "Preference-Applied", "Idempotency-Replayed"} <= responses["201"]["headers"].keys()


def test_browsers_of_other_origins_may_use_every_header_that_there_is() -> None:
    sent = {parameter["name"] for parameter in openapi_parts.PARAMETERS.values()}
    assert sent <= set(cors.ALLOWED_HEADERS.decode().split(", "))
    # How to authenticate is the documentation's to say, not each refusal's.
    assert openapi_parts.HEADERS.keys() - {"WWW-Authenticate"} <= set(cors.EXPOSED_HEADERS.decode().split(", "))


def test_operation_ids_are_unique() -> None:
    operations = [item for path in openapi.document()["paths"].values() for item in path.values()]
    assert len({item["operationId"] for item in operations}) == len(operations)


def test_inputs_refuse_what_the_edge_refuses() -> None:
    schemas: dict[str, Any] = openapi.document()["components"]["schemas"]
    inputs = {name: schema for name, schema in schemas.items() if name.endswith("Input")}
    assert {"RequestTransferInput", "SourceInput", "RegisterInput"} <= inputs.keys()
    for name, schema in inputs.items():
        assert schema["additionalProperties"] is False, name


@pytest.mark.parametrize("change", ["again", "put_back", "afresh", "given_up"])
def test_asyncapi_knows_each_attempt(change: str) -> None:
    attempt = asyncapi.document()["components"]["schemas"]["Envelope"]["properties"]["attempt"]
    sent: Envelope = getattr(Envelope("msg_1", "x.Y.v1", {}), change)()
    assert sent.attempt >= attempt["minimum"]


WALLET, CARD = {"wallet_id": "wal_a"}, {"card_id": "crd_a"}
PRINTED = {"pan": "4000000000000002", "cvv": "123", "exp_month": 1, "exp_year": 2030}


@pytest.mark.parametrize(
    ("name", "body", "good"),
    [
        ("RetrySaga", {"reason": " late "}, True),
        ("RetrySaga", {"reason": "   "}, False),
        ("RetrySaga", {"reason": ""}, False),
        ("CheckoutCard", {"id": "crd_a"}, True),
        ("CheckoutCard", {"id": "crd_a", "pan": None}, True),
        ("CheckoutCard", PRINTED, True),
        ("CheckoutCard", PRINTED | {"id": None}, True),
        ("CheckoutCard", PRINTED | {"id": "crd_a"}, False),
        ("CheckoutCard", {"id": "crd_a", "pan": PRINTED["pan"]}, False),
        ("CheckoutCard", PRINTED | {"cvv": None}, False),
        ("CheckoutCard", {}, False),
        ("Source", WALLET, True),
        ("Source", WALLET | CARD, False),
        ("Destination", {"email": "a@b.example"}, True),
        ("Destination", {"email": "a@b.example"} | CARD, False),
        ("Destination", {"email": None}, False),
        ("ReplayDeadLetters", {"reason": "x", "type": "ledger.PlaceHold.v1"}, True),
        ("ReplayDeadLetters", {"reason": "x"}, False),
    ],
)
def test_openapi_allows_what_is_taken_and_nothing_else(name: str, body: dict[str, Any], *, good: bool) -> None:
    message = {one.__name__: one for one in (RetrySaga, CheckoutCard, Source, Destination, ReplayDeadLetters)}[name]
    schema = schemas.of_inputs([message])
    given = body | ({"saga_id": "sga_1"} if name == "RetrySaga" else {})
    described = {"$ref": f"#/components/schemas/{name}Input", "components": {"schemas": schema}}
    assert Draft202012Validator(described).is_valid(given) is good
    try:
        message.model_validate(given)
    except ValidationError:
        assert not good
    else:
        assert good


def test_asyncapi_has_every_message() -> None:
    document = asyncapi.document()
    messages = document["components"]["messages"]
    assert {"transfers.RequestTransfer.v1", "transfers.TransferCompleted.v1", "operations.Reply.v1"} <= messages.keys()
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert {topology.commands("ledger"), topology.calls("identity"), topology.EVENTS} <= addresses
    for channel in document["channels"].values():
        for reference in channel["messages"].values():
            assert reference["$ref"].rpartition("/")[2] in messages
